-- Readers' decisions, and that a report may be of them.

CREATE TABLE readings (
  id TEXT PRIMARY KEY,
  image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  reader TEXT NOT NULL,
  -- '' where none was named.
  condition TEXT NOT NULL,
  label TEXT,
  confidence REAL,
  rating REAL,
  UNIQUE (image_id, reader, condition)
) STRICT;

CREATE TABLE reports_of_readings (
  id TEXT PRIMARY KEY,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('import', 'add', 'gaze', 'labels', 'readings')),
  report TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
INSERT INTO reports_of_readings (id, dataset_id, kind, report, created_at)
  SELECT id, dataset_id, kind, report, created_at FROM reports;
DROP TABLE reports;
ALTER TABLE reports_of_readings RENAME TO reports;
CREATE INDEX reports_dataset ON reports (dataset_id, id);
