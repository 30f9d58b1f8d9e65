-- Version 14 of the schema: small pictures of what was sent to be predicted, where that was asked for.

CREATE TABLE thumbnails (
  prediction_id TEXT PRIMARY KEY REFERENCES predictions (id) ON DELETE CASCADE,
  png BLOB NOT NULL
) STRICT;
