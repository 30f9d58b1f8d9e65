/** Functional groups of enhanced files (PS3.3, C.7.6.16): what holds for one frame of many. */
import { type Element, type Elements, refuse } from "./dicom_elements.ts";

const shared = 0x52009229, perFrame = 0x52009230;
/** Pixel Value Transformation, Frame VOI LUT: the groups that say how values are shown. */
const groups = [0x00289145, 0x00289132];
/** Windows and VOI tables: a group with some takes the place of all. */
const voiTags = [0x00281050, 0x00281051, 0x00281056, 0x00283010];

/** A file's elements with those of frame `frame` in the place of its own. Throws InvalidInput. */
export function frameElements(elements: Elements, frame: number): Elements {
  const own = elements.get(perFrame)?.items;
  if (own && own.length > 0 && frame >= own.length) {
    throw refuse(`it has functional groups for ${own.length} frames only`);
  }
  const merged = new Map(elements);
  for (const holder of [elements.get(shared)?.items?.[0], own?.[frame]]) {
    for (const group of groups) put(merged, holder?.get(group)?.items?.[0]);
  }
  return merged;
}

function put(merged: Map<number, Element>, item: Elements | undefined): void {
  if (!item) return;
  if (voiTags.some((tag) => item.has(tag))) { for (const tag of voiTags) merged.delete(tag); }
  for (const [tag, element] of item) merged.set(tag, element);
}
