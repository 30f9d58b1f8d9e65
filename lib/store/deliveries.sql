-- Version 12 of the schema: a queue beside the table, and jobs that go on on another device.

-- What a running job was handed out under, by a queue that keeps its own account; null where the row alone counts.
ALTER TABLE jobs ADD COLUMN delivery TEXT;

-- What computes a job's convolutions is held on each device that it runs on.
ALTER TABLE job_variants RENAME TO variants_of_before;
CREATE TABLE job_variants (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  -- Empty where it was chosen before devices were told apart.
  device TEXT NOT NULL,
  selected TEXT NOT NULL,
  PRIMARY KEY (job_id, device)
) STRICT;
INSERT INTO job_variants (job_id, device, selected) SELECT job_id, '', selected FROM variants_of_before;
DROP TABLE variants_of_before;
