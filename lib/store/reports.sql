-- Version 5 of the schema: what was said when a data set came, and what was made of each recording.

CREATE TABLE reports (
  id TEXT PRIMARY KEY,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('import', 'add', 'gaze', 'labels')),
  report TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX reports_dataset ON reports (dataset_id, id);

-- Unit, eye, filter, mapping and shares of a recording; null for those read by older versions.
ALTER TABLE gaze ADD COLUMN facts TEXT;
