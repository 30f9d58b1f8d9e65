/** Builds elements. Text only ever becomes text nodes: nothing here parses HTML. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} props `class`, `on` ({event: handler}), `data` ({name: value}), attributes
 *   (true: present, false or null: absent); `value`, `checked`, `disabled` are set as properties
 * @param {...(Node | string | number | null | undefined | false | Array)} children
 */
export function h(tag, props = {}, ...children) {
  return made(document.createElement(tag), props, children);
}

/** The same for SVG, whose elements have a namespace of their own. */
export function s(tag, props = {}, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function made(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "on") {
      for (const [event, handler] of Object.entries(value)) {
        element.addEventListener(event, handler);
      }
    } else if (name === "data") Object.assign(element.dataset, value);
    else if (["value", "checked", "disabled", "selected"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(parent, child);
    else if (child instanceof Node) parent.append(child);
    else if (child !== null && child !== undefined && child !== false) {
      parent.append(document.createTextNode(String(child)));
    }
  }
}

/** Replaces what is in `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  add(parent, children);
  return parent;
}

/** A table. Columns: `{head, cell: (row) => child, number?: true, optional?: true}`; phones leave optional ones out. */
export function table(columns, rows, options = {}) {
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": options.label ?? "Table" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((column) => h("th", { scope: "col", class: classOf(column) }, column.head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            columns.map((column) => h("td", { class: classOf(column) }, column.cell(row))),
          )
        ),
      ),
    ),
  );
}

const classOf = ({ number, optional }) =>
  [number && "number", optional && "optional"].filter(Boolean).join(" ") || null;

/** A labelled form field. */
export function field(label, control, hint) {
  return h(
    "label",
    { class: "field" },
    h("span", {}, label),
    control,
    hint && h("small", { class: "hint" }, hint),
  );
}

/** A drop-down; options are values or `[value, text]`. */
export function select(name, options, value) {
  return h(
    "select",
    { name },
    options.map((option) => {
      const [key, text] = Array.isArray(option) ? option : [option, option];
      return h("option", { value: key, selected: key === value }, text);
    }),
  );
}

/** A heading row of a page: title, a line below, actions at the right. */
export function pageHead(title, subtitle, ...actions) {
  return h(
    "div",
    { class: "page-head" },
    h("div", {}, h("h1", {}, title), subtitle && h("p", { class: "hint" }, subtitle)),
    actions.length > 0 && h("div", { class: "row" }, actions),
  );
}

export function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), children);
}

/** What stands where a list is empty. */
export function empty(...children) {
  return h("p", { class: "empty" }, children);
}

/** Names and values side by side; rows without a value are left out. */
export function facts(entries) {
  return h(
    "dl",
    { class: "facts" },
    entries
      .filter(([, value]) => ![null, undefined, false, ""].includes(value))
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
