-- Version 7 of the schema: several workers on one data directory.

-- The order of the queue: it does not depend on a clock that may be set back.
ALTER TABLE jobs ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET sequence = numbered.n
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM jobs) AS numbered
WHERE numbered.id = jobs.id;
CREATE UNIQUE INDEX jobs_sequence ON jobs (sequence);
DROP INDEX jobs_state;
CREATE INDEX jobs_state ON jobs (state, sequence);

-- Until when the worker of a running job is taken for alive, by the database's clock: ms since 1970. null: it is
-- known to be gone.
ALTER TABLE jobs ADD COLUMN lease_until INTEGER;
UPDATE jobs SET lease_until = 0 WHERE state = 'running';

-- Workers that no server started.
CREATE TABLE workers (
  name TEXT PRIMARY KEY,
  -- As long as that of its jobs.
  lease_until INTEGER NOT NULL
) STRICT;
