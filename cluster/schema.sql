-- The store's tables for PostgreSQL: those that SQLite has after its tenth version (lib/store/*.sql), with the same
-- columns (tests/cluster/schema_test.ts compares them). Later versions are added to both.
-- TEXT stands for TEXT COLLATE "C": names are ordered by bytes, or the order of every matrix would depend on the
-- server's language. JSON keeps its text. Times are RFC 3339 UTC; BIGINT where SQLite has INTEGER.

CREATE TABLE datasets (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  structured BIGINT NOT NULL,
  positive_label TEXT,
  meta JSON NOT NULL,
  created_at TEXT NOT NULL,
  names TEXT NOT NULL DEFAULT 'hash' CHECK (names IN ('hash', 'keep')),
  version BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE images (
  id TEXT PRIMARY KEY,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  format TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  channels BIGINT NOT NULL,
  bits BIGINT NOT NULL,
  label TEXT,
  patient TEXT,
  split TEXT,
  UNIQUE (dataset_id, name)
);
CREATE INDEX images_file ON images (file);
CREATE INDEX images_label ON images (dataset_id, label);
CREATE INDEX images_patient ON images (dataset_id, patient, split);

CREATE TABLE gaze (
  id TEXT PRIMARY KEY,
  image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  reader TEXT NOT NULL,
  format TEXT NOT NULL,
  fixations JSON NOT NULL,
  samples_file TEXT,
  assumptions JSON NOT NULL,
  dropped BIGINT NOT NULL,
  data_loss DOUBLE PRECISION NOT NULL,
  facts JSON,
  UNIQUE (image_id, reader)
);
CREATE INDEX gaze_samples ON gaze (samples_file);

CREATE TABLE heatmaps (
  id TEXT PRIMARY KEY,
  image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  reader TEXT NOT NULL,
  file TEXT NOT NULL,
  UNIQUE (image_id, reader)
);
CREATE INDEX heatmaps_file ON heatmaps (file);

CREATE TABLE readings (
  id TEXT PRIMARY KEY,
  image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  reader TEXT NOT NULL,
  condition TEXT NOT NULL,
  label TEXT,
  confidence DOUBLE PRECISION,
  rating DOUBLE PRECISION,
  UNIQUE (image_id, reader, condition)
);

CREATE TABLE reports (
  id TEXT PRIMARY KEY,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('import', 'add', 'gaze', 'labels', 'readings')),
  report JSON NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX reports_dataset ON reports (dataset_id, id);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  spec JSON NOT NULL,
  progress JSON NOT NULL,
  worker TEXT,
  fence BIGINT NOT NULL DEFAULT 0,
  attempts BIGINT NOT NULL DEFAULT 0,
  requested TEXT CHECK (requested IN ('cancel', 'pause')),
  error TEXT,
  result JSON,
  device JSON,
  created_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  estimated_finish TEXT,
  study TEXT,
  fingerprint TEXT,
  sequence BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT
);
CREATE UNIQUE INDEX jobs_sequence ON jobs (sequence);
CREATE INDEX jobs_state ON jobs (state, sequence);
CREATE INDEX jobs_fingerprint ON jobs (fingerprint);
CREATE INDEX jobs_study ON jobs (study);

CREATE TABLE events (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  id BIGINT NOT NULL,
  type TEXT NOT NULL,
  data JSON NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (job_id, id)
);

CREATE TABLE metrics (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  step BIGINT NOT NULL,
  name TEXT NOT NULL,
  epoch DOUBLE PRECISION NOT NULL,
  value DOUBLE PRECISION,
  PRIMARY KEY (job_id, step, name)
);

CREATE TABLE similarities (
  id TEXT PRIMARY KEY,
  dataset_id TEXT NOT NULL,
  dataset_digest TEXT NOT NULL,
  job_id TEXT NOT NULL,
  measure TEXT NOT NULL,
  params JSON NOT NULL,
  images JSON NOT NULL,
  components JSON NOT NULL,
  file TEXT NOT NULL,
  invalid JSON NOT NULL,
  histogram JSON NOT NULL,
  created_at TEXT NOT NULL,
  layout JSON NOT NULL DEFAULT '{"kind":"matrix"}',
  gaze_digest TEXT
);
CREATE INDEX similarities_file ON similarities (file);
CREATE INDEX similarities_dataset ON similarities (dataset_id, id);

CREATE TABLE models (
  id TEXT PRIMARY KEY,
  name TEXT,
  version BIGINT,
  kind TEXT NOT NULL CHECK (kind IN ('pretrained', 'classifier', 'uploaded')),
  job_id TEXT,
  dataset_id TEXT,
  dataset_digest TEXT,
  spec JSON NOT NULL,
  lineage JSON NOT NULL,
  file TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (name, version)
);
CREATE INDEX models_file ON models (file);

CREATE TABLE aliases (
  alias TEXT PRIMARY KEY,
  model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE
);

CREATE TABLE image_sets (
  id TEXT PRIMARY KEY,
  content JSON NOT NULL
);

CREATE TABLE model_image_sets (
  model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  set_id TEXT NOT NULL,
  own BIGINT NOT NULL,
  PRIMARY KEY (model_id, set_id, own)
);
CREATE INDEX model_image_sets_set ON model_image_sets (set_id);

CREATE FUNCTION remove_unused_image_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM image_sets WHERE id = OLD.set_id
    AND NOT EXISTS (SELECT 1 FROM model_image_sets WHERE set_id = OLD.set_id);
  RETURN NULL;
END $$;
CREATE TRIGGER image_sets_unused AFTER DELETE ON model_image_sets
  FOR EACH ROW EXECUTE FUNCTION remove_unused_image_set();

CREATE TABLE evaluations (
  id TEXT PRIMARY KEY,
  model_id TEXT,
  dataset_id TEXT,
  job_id TEXT NOT NULL,
  metrics JSON NOT NULL,
  scores JSON NOT NULL,
  created_at TEXT NOT NULL,
  dataset_digest TEXT,
  seen JSON,
  warnings JSON
);

CREATE TABLE predictions (
  id TEXT PRIMARY KEY,
  model_id TEXT NOT NULL,
  dataset TEXT,
  image TEXT,
  label TEXT NOT NULL,
  probability DOUBLE PRECISION NOT NULL,
  probabilities JSON NOT NULL,
  created_at TEXT NOT NULL,
  image_id TEXT,
  image_file TEXT
);
CREATE INDEX predictions_model ON predictions (model_id, id);
CREATE INDEX predictions_dataset ON predictions (dataset, image, id);

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  scopes JSON NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT,
  rate DOUBLE PRECISION,
  burst BIGINT,
  max_bytes BIGINT,
  max_jobs BIGINT
);

CREATE TABLE owners (
  thing TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE
);
CREATE INDEX owners_key ON owners (key_id);
CREATE FUNCTION remove_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM owners WHERE thing = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER owners_of_datasets AFTER DELETE ON datasets
  FOR EACH ROW EXECUTE FUNCTION remove_owner();
CREATE TRIGGER owners_of_models AFTER DELETE ON models
  FOR EACH ROW EXECUTE FUNCTION remove_owner();

CREATE TABLE idempotency (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  request TEXT NOT NULL,
  status BIGINT,
  headers JSON,
  body TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (owner, key)
);

CREATE TABLE studies (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL UNIQUE,
  name TEXT,
  dataset_id TEXT NOT NULL,
  spec JSON NOT NULL,
  summary JSON,
  created_at TEXT NOT NULL
);

CREATE TABLE study_cells (
  study_id TEXT NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  "row" TEXT NOT NULL,
  backbone TEXT NOT NULL,
  run BIGINT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'pretraining', 'finetuning', 'done', 'failed', 'cancelled')),
  pretrain_job TEXT,
  pretrained TEXT,
  finetune_job TEXT,
  model TEXT,
  evaluation TEXT,
  error TEXT,
  PRIMARY KEY (study_id, position)
);

CREATE TABLE tuning (
  device TEXT NOT NULL,
  "pass" TEXT NOT NULL,
  variant TEXT NOT NULL,
  PRIMARY KEY (device, "pass")
);

CREATE TABLE job_variants (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  selected JSON NOT NULL
);

CREATE TABLE workers (
  name TEXT PRIMARY KEY,
  lease_until BIGINT NOT NULL
);

CREATE VIEW file_references (sha256) AS
  SELECT file FROM images
  UNION ALL SELECT samples_file FROM gaze WHERE samples_file IS NOT NULL
  UNION ALL SELECT file FROM heatmaps
  UNION ALL SELECT file FROM similarities
  UNION ALL SELECT file FROM models;

-- Beyond this line: what one data directory does not need.

-- Key of keyed hashes, one for all servers: `secret.key` of a data directory.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value BYTEA NOT NULL
);

-- Stored files in the bucket, and when one was put last (by the database's clock, ms): whoever removes one that
-- nothing refers to, and whoever puts it again, meet on the row's lock.
CREATE TABLE blobs (
  sha256 TEXT PRIMARY KEY,
  touched_at BIGINT NOT NULL
);
CREATE INDEX blobs_touched ON blobs (touched_at);
