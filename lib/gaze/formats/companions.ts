/** Files of an export folder that hold no gaze on images themselves, and why they are passed over. */

/** Read by the formats together with the gaze that they belong to. */
const SIDECAR =
  /^(master_sheet|metadata.*)\.csv$|_(physio|eyetrack|events|physioevents)\.json$|(^|_)dataset_description\.json$|^participants\.(json|tsv)$|_physioevents\.tsv(\.gz)?$/;
/** What a REFLACX reading holds beside its fixations. */
const READING =
  /^(anomaly_location_ellipses|chest_bounding_box|timestamps_transcription)\.csv$|^transcription\.txt$/;
const PHYSIO = /_(physio|eyetrack)\.tsv(\.gz)?$/;

/** What Pupil Player writes beside the surface exports, and what those are known by. */
const PUPIL_CORE =
  /^(annotations|blinks|blink_detection_report|export_info|fixation_report|fixations|gaze_positions|head_pose_tracker_(model|poses)|imu_data|marker_detections|pupil_positions|surface_(events|gaze_distribution|visibility)|surf_positions_.*|user_info|info|world_timestamps)\.csv$/;
const ON_SURFACE = /(^|\/)(gaze_positions|fixations)_on_surface_[^/]*\.csv$/;

/** What Pupil Cloud writes beside an enrichment's gaze, and what an enrichment is known by. */
const PUPIL_CLOUD =
  /^(3d_eye_states|aoi_(fixations|metrics|positions)|blinks|events|eye_(0|1)_timestamps|imu|labels|markers|saccades|sections|surface_positions|template|world_timestamps)\.csv$|^(enrichment_info\.txt|info\.json|scene_camera\.json|template\.json|wearer\.json)$/;

export interface Companion {
  /** Whether a format reads it together with the gaze that it belongs to. */
  read: boolean;
  /** Why it is passed over. */
  why: string;
}

/** Whether a file of an archive is none of gaze on images but stands beside such; undefined where it may hold gaze. */
export function companionOf(name: string, names: string[]): Companion | undefined {
  const end = name.lastIndexOf("/") + 1;
  const [folder, file] = [name.slice(0, end), name.slice(end)];
  const beside = (test: RegExp) =>
    names.some((other) =>
      other !== name && test.test(other) && other.startsWith(folder.replace(/[^/]+\/$/, ""))
    );
  if (
    SIDECAR.test(file) ||
    (/_events\.tsv(\.gz)?$/.test(file) && names.some((other) => PHYSIO.test(other)))
  ) return { read: true, why: "read with the gaze that it belongs to" };
  if (READING.test(file) && names.includes(`${folder}fixations.csv`)) {
    return { read: false, why: "part of a REFLACX reading, no gaze" };
  }
  if (PUPIL_CORE.test(file) && beside(ON_SURFACE)) {
    return { read: false, why: "Pupil Player's export beside the surfaces, no gaze on an image" };
  }
  if (
    PUPIL_CLOUD.test(file) &&
    (names.includes(`${folder}gaze.csv`) || names.includes(`${folder}fixations.csv`))
  ) {
    return {
      read: false,
      why: "Pupil Cloud's file beside gaze and fixations, no gaze on an image",
    };
  }
  return undefined;
}

/** Whether a file is one that other gaze files have beside them, and that holds no gaze of its own. */
export function isCompanion(name: string, names: string[]): boolean {
  return companionOf(name, names) !== undefined;
}
