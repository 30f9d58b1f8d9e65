/** Run: stands in until the page is written. */
import { pageHead } from "../dom.js";
import { nothing } from "../parts.js";

export function show() {
  return [
    pageHead("Run"),
    nothing("This page is being built", "The older views show what there is."),
  ];
}
