/** The audit of a similarity as the forms train by default: without the labels of what will be tested on. */
import { get } from "./api.js";
import { number } from "./format.js";

/** Seed of the split that forms begin with. */
export const FIRST_SEED = 0;

/**
 * The audit without the test part of a fine-tuning with this seed. Where the labels allow no such split, training has
 * none to leave out either, and all is looked at but what is marked as test.
 * @param {string} similarity id
 * @param {AbortSignal} signal
 * @param {{seed?: number, all?: boolean, readers?: boolean}} [asked] `all`: labels of test images too; `readers`: each
 * reader's own gaze besides
 * @returns {Promise<any>} as `GET /v1/similarities/ID/audit` gives it, with `seed`: of the split left out, or null
 */
export async function auditOf(
  similarity,
  signal,
  { seed = FIRST_SEED, all = false, readers = false } = {},
) {
  const path = `/v1/similarities/${encodeURIComponent(similarity)}/audit`;
  const more = readers ? { readers: "all" } : {};
  const asked = (query) => `${path}?${new URLSearchParams({ ...query, ...more })}`;
  if (all) return { ...await get(asked({ split: "all" }), signal), seed: null };
  const split = { leave_out: JSON.stringify({ seed }), if_possible: "true" };
  const found = await get(asked(split), signal);
  return { ...found, seed: found.looked_at.by === "leave_out" ? seed : null };
}

/** "Labels of 72 of 96 images were looked at; the test part of seed 0 is left out." */
export function lookedWords({ looked_at: { images, left_out }, seed }) {
  const all = images + left_out;
  const seen = `Labels of ${number(images)} of ${number(all)} images were looked at`;
  if (left_out === 0) return `${seen}: none is kept aside for testing.`;
  return seed === null
    ? `${seen}; what is marked as test is left out.`
    : `${seen}; the test part of seed ${seed} is left out.`;
}
