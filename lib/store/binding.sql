-- Version 6 of the schema: what is derived is bound to what it came from, by ids and digests.

-- SHA-256 of the pictures and gaze that a similarity was computed from; null: only the data set's digest is known.
ALTER TABLE similarities ADD COLUMN gaze_digest TEXT;

-- The data set's digest when it was evaluated; null: not known.
ALTER TABLE evaluations ADD COLUMN dataset_digest TEXT;
UPDATE evaluations SET dataset_digest = (
  SELECT spec ->> '$.dataset_digest' FROM jobs WHERE jobs.id = evaluations.job_id
);
-- How many of the tested images and patients the model had seen, by JSON; null: not known.
ALTER TABLE evaluations ADD COLUMN seen TEXT;
ALTER TABLE evaluations ADD COLUMN warnings TEXT;

-- The very image that was predicted: its row and its content. Names may be used again.
ALTER TABLE predictions ADD COLUMN image_id TEXT;
ALTER TABLE predictions ADD COLUMN image_file TEXT;

-- What models have looked at. Models that were trained on the same images share a set.
CREATE TABLE image_sets (
  -- SHA-256 of the content.
  id TEXT PRIMARY KEY,
  -- {images, patients}
  content TEXT NOT NULL
) STRICT;

CREATE TABLE model_image_sets (
  model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  -- "unknown" stands for a start of which it is not known what it has looked at.
  set_id TEXT NOT NULL,
  -- 1 for the model's own training, 0 for one of those before it, through the whole chain of starts.
  own INTEGER NOT NULL,
  PRIMARY KEY (model_id, set_id, own)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_image_sets_set ON model_image_sets (set_id);

CREATE TRIGGER image_sets_unused AFTER DELETE ON model_image_sets
WHEN NOT EXISTS (SELECT 1 FROM model_image_sets WHERE set_id = OLD.set_id)
BEGIN
  DELETE FROM image_sets WHERE id = OLD.set_id;
END;
