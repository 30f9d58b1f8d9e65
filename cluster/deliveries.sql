-- Version 3: as lib/store/deliveries.sql, and what only servers that share a database need.

ALTER TABLE jobs ADD COLUMN delivery TEXT;

ALTER TABLE job_variants ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE job_variants DROP CONSTRAINT job_variants_pkey;
ALTER TABLE job_variants ADD PRIMARY KEY (job_id, device);

-- Files of the checkpoints of a job that can go on, in the bucket. The path is that below the job's directory: its name
-- says the kind (`step` or `best`) and the step. The adapter is that which the job ran on.
CREATE TABLE checkpoints (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  file TEXT NOT NULL,
  adapter TEXT,
  PRIMARY KEY (job_id, path)
);
CREATE INDEX checkpoints_file ON checkpoints (file);

-- Nobody goes on with a job that has succeeded or was cancelled.
CREATE OR REPLACE VIEW file_references (sha256) AS
  SELECT file FROM images
  UNION ALL SELECT samples_file FROM gaze WHERE samples_file IS NOT NULL
  UNION ALL SELECT file FROM heatmaps
  UNION ALL SELECT file FROM similarities
  UNION ALL SELECT file FROM models
  UNION ALL SELECT file FROM checkpoints
    WHERE job_id IN (SELECT id FROM jobs WHERE state NOT IN ('succeeded', 'cancelled'));
