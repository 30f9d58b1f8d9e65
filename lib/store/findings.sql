-- Version 13 of the schema: images of several labels.

-- JSON, name to 0 or 1; a finding that is not named is not known. Null in a set of one label an image.
ALTER TABLE images ADD COLUMN findings TEXT;
-- JSON, the findings that were predicted. Null for a classifier of one label an image, whose label stands in `label`.
ALTER TABLE predictions ADD COLUMN labels TEXT;
