/** Images of pairs as pictures with their gaze, label and similarity. */
import { stepLink } from "./address.js";
import { h } from "./dom.js";
import { score } from "./format.js";
import { imagePath, picture } from "./picture.js";

/**
 * @param {{image: string, label: string | null, similarity?: number}[]} images
 * @param {{name: string, signal: AbortSignal, stale?: boolean}} shown of images that have changed no picture is shown
 */
export function pairTiles(images, { name, signal, stale }) {
  return h(
    "div",
    { class: "pictures" },
    images.map((one) => pairTile(one, { name, signal, stale })),
  );
}

export function pairTile({ image, label, similarity }, { name, signal, stale }) {
  const alt = `${image} with gaze${label === null ? "" : `, ${label}`}`;
  return h(
    "figure",
    {},
    !stale && h(
      "a",
      { href: stepLink(name, ["image", image]) },
      picture(imagePath(name, image, "overlay"), { alt, signal }),
    ),
    h(
      "figcaption",
      {},
      h("strong", {}, image),
      h("span", {}, label ?? "no label", similarity === undefined ? "" : ` · ${score(similarity)}`),
    ),
  );
}
