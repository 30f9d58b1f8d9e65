/** What a coarse map must say of itself, wherever it is drawn. */
import { h } from "./dom.js";

/** Cells on a side from which places can be told apart. */
const ENOUGH = 4;

/** @param {{columns: number, rows: number}} grid @returns {HTMLElement | undefined} the warning; undefined of a fine map */
export function fewCells({ columns, rows }) {
  if (columns >= ENOUGH && rows >= ENOUGH) return undefined;
  return h("span", { class: "warn-text" }, " So few cells hardly tell places apart.");
}
