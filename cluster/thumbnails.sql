-- Version 5: as lib/store/thumbnails.sql.

CREATE TABLE thumbnails (
  prediction_id TEXT PRIMARY KEY REFERENCES predictions (id) ON DELETE CASCADE,
  png BYTEA NOT NULL
);
