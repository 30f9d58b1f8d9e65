-- Version 4 of the schema: things by the names that they have elsewhere.

-- How a similarity's file is laid out: a column of its own, not a part of the histogram.
ALTER TABLE similarities ADD COLUMN layout TEXT NOT NULL DEFAULT '{"kind":"matrix"}';
UPDATE similarities SET
  layout = json_remove(
    json_set(histogram -> '$.kept', '$.kind', histogram ->> '$.kept.layout'),
    '$.layout'
  ),
  histogram = json_remove(histogram, '$.kept')
WHERE json_type(histogram, '$.kept') = 'object';

-- Passes and variants of convolutions.

ALTER TABLE job_choices RENAME TO job_variants;
ALTER TABLE job_variants RENAME COLUMN choices TO selected;

CREATE TABLE new_names (old TEXT PRIMARY KEY, new TEXT NOT NULL);
INSERT INTO new_names VALUES
  ('plain', 'direct'),
  ('lanes 4 images', 'subgroup 4 images'),
  ('lanes 4 row', 'subgroup 4 row'),
  ('lanes 2 images', 'subgroup 2 images'),
  ('lanes 2 row', 'subgroup 2 row'),
  ('lanes 1 images', 'subgroup 1 images'),
  ('winograd lanes', 'winograd subgroup');

-- A pass is "data 8x16x16x64 ...": its first word changes.
UPDATE tuning SET
  "pass" = CASE WHEN "pass" LIKE 'data %' OR "pass" LIKE 'weight %'
    THEN 'backward_' || "pass" ELSE "pass" END,
  variant = coalesce((SELECT new FROM new_names WHERE old = variant), variant);

UPDATE job_variants SET selected = (
  SELECT json_group_object(
    CASE WHEN key LIKE 'data %' OR key LIKE 'weight %' THEN 'backward_' || key ELSE key END,
    coalesce((SELECT new FROM new_names WHERE old = value), value)
  )
  FROM json_each(job_variants.selected)
);

DROP TABLE new_names;
