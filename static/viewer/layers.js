/** Layers: name, key, title. */
export const LAYERS = [
  ["gaze", "g", "Gaze map"],
  ["paths", "s", "Scanpaths"],
  ["cam1", "1", "Grad-CAM, model A"],
  ["cam2", "2", "Grad-CAM, model B"],
  ["attend", "a", "Attention, model A"],
  ["sense", "c", "Alike to the cross"],
];

/** Layers that models answer. */
export const NETWORK_LAYERS = ["cam1", "cam2", "attend", "sense"];
