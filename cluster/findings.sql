-- Version 4: as lib/store/findings.sql.

ALTER TABLE images ADD COLUMN findings JSON;
ALTER TABLE predictions ADD COLUMN labels TEXT;
