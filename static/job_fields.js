/**
 * The kinds of jobs and their fields, read from the API's own description: whatever it learns, the forms know.
 * Nothing here touches the page.
 */

/**
 * @typedef {object} Field
 * @property {string} name a dot leads into an object: `cut.quantile`
 * @property {"choice" | "several" | "list" | "number" | "switch" | "text" | "json"} type
 * @property {boolean} required
 * @property {string} [hint]
 * @property {unknown} [default] what the server takes where nothing is given
 * @property {[value: string, text: string][]} [options] of a choice
 * @property {Record<string, string>} [about] a sentence on each option
 * @property {string} [resource] what a list holds: `datasets`, `models`, `classifiers`, `similarities`
 * @property {boolean} [whole] a number without a fraction
 * @property {{field: string, is: string}} [when] shown while another field has this value
 */

/**
 * @param {object} document `/openapi.json`
 * @returns {{kind: string, title: string, about: string, fields: Field[]}[]}
 */
export function jobKinds(document) {
  const resolve = (schema) => {
    if (!schema.$ref) return schema;
    return schema.$ref.slice(2).split("/").reduce((part, key) => part[key], document);
  };
  const { schema } = document.paths["/v1/jobs"].post.requestBody.content["application/json"];
  return (schema.oneOf ?? schema.anyOf ?? [schema]).map(resolve).map((one) => {
    const { kind, ...properties } = one.properties;
    const name = kind.const ?? kind.enum[0];
    return {
      kind: name,
      title: one.title ?? name,
      about: one.description ?? "",
      fields: fieldsOf({ ...one, properties }, resolve),
    };
  });
}

/** @returns {Field[]} */
function fieldsOf({ properties = {}, required = [] }, resolve, path = "") {
  return Object.entries(properties).flatMap(([name, given]) => {
    const schema = resolve(given);
    const at = path + name;
    const by = schema["x-fields-by"];
    const parts = alternatives(schema, resolve);
    const objects = parts.filter(({ properties }) => properties);
    if (path === "" && by) {
      return Object.entries(by.schemas).flatMap(([is, inner]) =>
        fieldsOf(inner, resolve, `${at}.`).map((field) => ({
          ...field,
          required: false,
          when: { field: by.field, is },
        }))
      );
    }
    if (path === "" && objects.length > 0 && !parts.some((part) => part.enum)) {
      const inner = fieldsOf({ properties: merged(objects) }, resolve, `${at}.`);
      return inner.map((field) => ({
        ...field,
        hint: field.hint ?? schema.description,
        // A default of one of several objects is none of the field.
        default: objects.length > 1 ? undefined : field.default,
      }));
    }
    return [{
      name: at,
      required: required.includes(name),
      hint: schema.description,
      default: schema.default,
      ...controlOf(parts),
    }];
  });
}

/** What a value may be, null left out. */
function alternatives(schema, resolve) {
  const parts = schema.anyOf ?? schema.oneOf;
  if (!parts) return [schema];
  return parts.map(resolve).filter(({ type }) => type !== "null");
}

/** The fields of several objects; constants of one name are what can be chosen. */
function merged(objects) {
  const all = {};
  for (const [name, schema] of objects.flatMap(({ properties }) => Object.entries(properties))) {
    const known = all[name];
    const values = [known, schema].flatMap((one) => one?.const ?? one?.enum ?? []);
    all[name] = values.length > 0 ? { type: "string", enum: values } : known ?? schema;
  }
  return all;
}

function controlOf(parts) {
  const resource = parts.find((part) => part["x-resource"])?.["x-resource"];
  if (resource) return { type: "list", resource };
  const chosen = parts.find((part) => part.enum);
  if (chosen) return { type: "choice", ...choicesOf(chosen) };
  if (parts.length !== 1) return { type: "json" };
  const [part] = parts;
  if (part.type === "array" && part.items?.enum) {
    return { type: "several", ...choicesOf(part.items) };
  }
  if (part.type === "integer" || part.type === "number") {
    return { type: "number", whole: part.type === "integer" };
  }
  if (part.type === "boolean") return { type: "switch" };
  return { type: part.type === "string" ? "text" : "json" };
}

function choicesOf(schema) {
  const { "x-enum-titles": titles = [], "x-enum-descriptions": about = [] } = schema;
  const values = schema.enum.map(String);
  return {
    options: values.map((value, i) => [value, titles[i] ?? value]),
    about: Object.fromEntries(values.map((value, i) => [value, about[i] ?? ""])),
  };
}

/**
 * The value that a filled field says.
 * @param {Field} field
 * @param {string | string[]} given its text, or all that was chosen
 */
export function valueOf({ type, options = [] }, given) {
  if (type === "several") return given;
  if (type === "number") return Number(given);
  if (type === "switch") return given === "true";
  const texts = type === "list" || type === "text" ||
    (type === "choice" && options.some(([value]) => !Number.isFinite(Number(value))));
  if (texts) return given;
  // Height x width, as sizes are written elsewhere.
  if (/^\s*\d+\s*x\s*\d+\s*$/.test(given)) return given.split("x").map(Number);
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

/**
 * The spec that filled fields make.
 * @param {[name: string, value: unknown][]} values
 */
export function specOf(values) {
  const spec = {};
  for (const [name, value] of values) {
    const [outer, inner] = name.split(".");
    if (inner) spec[outer] = { ...spec[outer], [inner]: value };
    else spec[outer] = value;
  }
  return spec;
}
