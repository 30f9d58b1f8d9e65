/** Companion files of an export folder are passed over with a word, the gaze among them is not. */
import assert from "node:assert/strict";
import { companionOf } from "@/lib/gaze/formats/mod.ts";
import type { Cell, Rule } from "./cells.ts";

/** @param gaze files that hold gaze @param read tables read with it @param passed files passed over */
const folder = (gaze: string[], read: string[], passed: string[] = []): Cell => () => {
  const names = [...gaze, ...read, ...passed].map((name) => `gaze/export/${name}`);
  const of = (name: string) => companionOf(`gaze/export/${name}`, names);
  for (const name of gaze) assert.equal(of(name), undefined, name);
  for (const name of read) assert.equal(of(name)?.read, true, name);
  for (const name of passed) {
    assert.equal(of(name)?.read, false, name);
    assert.ok(of(name)!.why.length > 10);
  }
  return Promise.resolve();
};
const ALONE = { cannot: "its program writes one file, with nothing beside it" };

export const companions: Rule = {
  bids: folder(
    ["sub-01_task-x_recording-eye1_physio.tsv.gz", "sub-01_task-x_recording-eye2_physio.tsv.gz"],
    [
      ...["sub-01_task-x_physio.json", "sub-01_task-x_events.tsv", "sub-01_task-x_events.json"],
      ...["sub-01_task-x_recording-eye1_physioevents.tsv.gz", "dataset_description.json"],
      "participants.tsv",
    ],
  ),
  eyelink_asc: ALONE,
  eyelink_dataviewer: ALONE,
  eyetribe: ALONE,
  i2mc: ALONE,
  imotions: ALONE,
  gazepoint: folder(["fixations.csv", "eye_gaze.csv"], ["master_sheet.csv"]),
  mcgip: ALONE,
  miceye: ALONE,
  plain: ALONE,
  pupil_core: folder(
    ["gaze_positions_on_surface_a.csv", "fixations_on_surface_a.csv"],
    [],
    [
      ...["gaze_positions.csv", "fixations.csv", "pupil_positions.csv", "world_timestamps.csv"],
      ...["surface_events.csv", "surf_positions_a.csv", "marker_detections.csv", "export_info.csv"],
      ...["blinks.csv", "annotations.csv", "surface_visibility.csv", "fixation_report.csv"],
    ],
  ),
  pupil_neon: folder(
    ["gaze.csv", "fixations.csv"],
    [],
    [
      ...["sections.csv", "surface_positions.csv", "events.csv", "blinks.csv", "saccades.csv"],
      ...["imu.csv", "3d_eye_states.csv", "world_timestamps.csv", "enrichment_info.txt"],
      ...["info.json", "scene_camera.json", "labels.csv"],
    ],
  ),
  reflacx: folder(
    ["fixations.csv"],
    ["metadata_phase_1.csv"],
    [
      ...["anomaly_location_ellipses.csv", "chest_bounding_box.csv", "transcription.txt"],
      "timestamps_transcription.csv",
    ],
  ),
  remodnav: ALONE,
  smi_begaze: ALONE,
  tobii_prolab: ALONE,
  tobii_sdk: ALONE,
  webgazer: ALONE,
};
