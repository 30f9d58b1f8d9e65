-- Whether a set keeps names of DICOM files and of patients, or hashes of them. Sets of before go on as they are.
ALTER TABLE datasets ADD COLUMN names TEXT NOT NULL DEFAULT 'hash' CHECK (names IN ('hash', 'keep'));
UPDATE datasets SET names = 'keep';
-- Counts changes of a set's content: what was computed from it holds as long as the number does.
ALTER TABLE datasets ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
-- Counts of labels, without reading every image.
CREATE INDEX images_label ON images (dataset_id, label);
CREATE INDEX images_patient ON images (dataset_id, patient, split);
