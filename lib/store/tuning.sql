-- Version 3 of the schema: which variants of convolutions are fastest, as measured on this machine.

CREATE TABLE tuning (
  device TEXT NOT NULL,
  "pass" TEXT NOT NULL,
  variant TEXT NOT NULL,
  PRIMARY KEY (device, "pass")
) STRICT, WITHOUT ROWID;

-- What a job computes by from its first step to its last.
CREATE TABLE job_choices (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  choices TEXT NOT NULL
) STRICT;
