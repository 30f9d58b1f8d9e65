/** Layers: name, key, title. */
export const LAYERS = [
  ["gaze", "g", "Gaze map"],
  ["paths", "s", "Scanpaths"],
  ["cam1", "1", "Grad-CAM, model A"],
  ["cam2", "2", "Grad-CAM, model B"],
  ["sense", "c", "Alike to the cross"],
];
