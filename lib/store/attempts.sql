-- Version 15 of the schema: which workers there are, and which of them ran a job.

-- What people call its machine, the version of its program, since when it is known; and JSON: where it works, its
-- adapter, its memory. null where a server of before has noted it.
ALTER TABLE workers ADD COLUMN label TEXT;
ALTER TABLE workers ADD COLUMN version TEXT;
ALTER TABLE workers ADD COLUMN since TEXT;
ALTER TABLE workers ADD COLUMN about TEXT;

-- Each claim of a job: by whom, on what, from which step on, and what became of it.
CREATE TABLE attempts (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  -- The fence of the claim.
  number INTEGER NOT NULL,
  worker TEXT NOT NULL,
  label TEXT,
  device TEXT,
  -- Steps that were done before it; null where it began at the beginning, or has none.
  from_step INTEGER,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  outcome TEXT,
  reason TEXT,
  PRIMARY KEY (job_id, number)
) STRICT;
