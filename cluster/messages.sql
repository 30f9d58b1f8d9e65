-- Version 2: as lib/store/messages.sql.

ALTER TABLE jobs ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
