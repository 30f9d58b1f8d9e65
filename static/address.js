/**
 * Addresses of pages: `#/d/NAME/data?label=benign`. Parts of the path are encoded one by one, so that names may
 * hold slashes; whatever a page can be narrowed to stands in the query, and so survives back and reload.
 */

/** The text that a part of an address stands for; broken escapes stand for themselves. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @returns {{path: string[], query: URLSearchParams}} of what the address bar holds */
export function address() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(search) };
}

/**
 * @param {string[]} path
 * @param {Record<string, unknown> | URLSearchParams} query empty values are left out
 */
export function link(path, query = {}) {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = entries.filter(([, value]) => ![undefined, null, false, ""].includes(value))
    .map(([name, value]) => [name, String(value)]);
  const search = new URLSearchParams(kept).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search && `?${search}`}`;
}

/** The address of a step of a data set's workbench. */
export function stepLink(name, step, query) {
  return link(["d", name, ...[step].flat()], query);
}

/**
 * Changes fields of the query in place: the page stays, reload and back come to the same view.
 * @param {Record<string, unknown>} changes empty values take a field away
 * @param {{push?: boolean}} options whether "back" shall undo it
 */
export function setQuery(changes, { push = false } = {}) {
  const { path, query } = address();
  for (const [name, value] of Object.entries(changes)) {
    if ([undefined, null, false, ""].includes(value)) query.delete(name);
    else query.set(name, String(value));
  }
  const to = link(path, query);
  if (to === location.hash) return;
  if (push) history.pushState(null, "", to);
  else history.replaceState(history.state, "", to);
}
