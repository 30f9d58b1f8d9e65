-- Bounds of keys: null is none. last_used_at is exact to a minute.
ALTER TABLE keys ADD COLUMN expires_at TEXT;
ALTER TABLE keys ADD COLUMN last_used_at TEXT;
ALTER TABLE keys ADD COLUMN rate REAL;
ALTER TABLE keys ADD COLUMN burst INTEGER;
ALTER TABLE keys ADD COLUMN max_bytes INTEGER;
ALTER TABLE keys ADD COLUMN max_jobs INTEGER;

-- Whose key made a data set, a job, a model or an upload.
CREATE TABLE owners (
  thing TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX owners_key ON owners (key_id);
CREATE TRIGGER owners_of_datasets AFTER DELETE ON datasets
  BEGIN DELETE FROM owners WHERE thing = OLD.id; END;
CREATE TRIGGER owners_of_models AFTER DELETE ON models
  BEGIN DELETE FROM owners WHERE thing = OLD.id; END;
