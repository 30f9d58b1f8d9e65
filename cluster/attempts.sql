-- Version 6: as lib/store/attempts.sql.

ALTER TABLE workers ADD COLUMN label TEXT;
ALTER TABLE workers ADD COLUMN version TEXT;
ALTER TABLE workers ADD COLUMN since TEXT;
ALTER TABLE workers ADD COLUMN about JSON;

CREATE TABLE attempts (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  worker TEXT NOT NULL,
  label TEXT,
  device JSON,
  from_step BIGINT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  outcome TEXT,
  reason TEXT,
  PRIMARY KEY (job_id, number)
);
