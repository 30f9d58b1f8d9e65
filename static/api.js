/** The server's API: requests with the key, pictures as object URLs, event streams. */

const KEY = "mcgip-key";

/** The key, kept for the tabs that are open, and nowhere when the last is closed. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** Time that another tab has to tell the key, ms. */
const TELL_MS = 150;

/** A tab that was opened from another has its key: tabs of this page ask each other. */
export async function shareKey() {
  const channel = new BroadcastChannel(KEY);
  const { promise, resolve } = Promise.withResolvers();
  channel.addEventListener("message", ({ data }) => {
    if (data === null && key.get()) channel.postMessage(key.get());
    if (typeof data === "string" && !key.get()) {
      key.set(data);
      resolve();
    }
  });
  if (key.get()) return;
  channel.postMessage(null);
  await Promise.race([promise, new Promise((done) => setTimeout(done, TELL_MS))]);
}

/** The server's problem in its own words. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.errors = problem.errors ?? [];
  }
}

/**
 * @param {{body?: unknown, type?: string, accept?: string, signal?: AbortSignal}} options a plain object as
 *   body is sent as JSON
 * @returns {Promise<Response>} of a status 2xx
 * @throws {ApiError}
 */
export async function call(method, path, options = {}) {
  const { body, type, accept, signal } = options;
  const raw = body === undefined || body instanceof Blob || body instanceof FormData;
  const headers = new Headers();
  if (key.get()) headers.set("Authorization", `Bearer ${key.get()}`);
  if (accept) headers.set("Accept", accept);
  if (type) headers.set("Content-Type", type);
  else if (!raw) headers.set("Content-Type", "application/json");
  const response = await fetch(path, {
    method,
    headers,
    body: raw ? body : JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: response.statusText }));
  if (response.status === 401) document.dispatchEvent(new CustomEvent("key-needed"));
  throw new ApiError(response.status, problem);
}

/** GET as JSON. */
export async function get(path, signal) {
  return (await call("GET", path, { signal })).json();
}

let described;

/** The API's own description, read once. */
export async function description(signal) {
  return described ??= await get("/openapi.json", signal);
}

/** POST as JSON; undefined for an empty answer. */
export async function post(path, body, signal) {
  const text = await (await call("POST", path, { body, signal })).text();
  return text === "" ? undefined : JSON.parse(text);
}

/** A whole list, page after page, up to `most` entries. */
export async function list(path, signal, most = 1000) {
  const found = [];
  const join = path.includes("?") ? "&" : "?";
  let after = "";
  do {
    const page = await get(`${path}${join}limit=200${after && `&after=${after}`}`, signal);
    found.push(...page.data);
    after = page.has_more && page.next ? encodeURIComponent(page.next) : "";
  } while (after && found.length < most);
  return found;
}

/** Saves what a GET gives under a file name. */
export async function download(path, name, accept) {
  const url = URL.createObjectURL(await (await call("GET", path, { accept })).blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Sends a file with progress, which fetch cannot tell.
 * @param {(share: number) => void} onProgress
 */
export function upload(method, path, file, type, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    if (key.get()) request.setRequestHeader("Authorization", `Bearer ${key.get()}`);
    request.setRequestHeader("Content-Type", type);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("error", () => reject(new Error("The connection broke.")));
    request.addEventListener("load", () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = { title: request.statusText };
      }
      if (request.status >= 200 && request.status < 300) resolve(answer);
      else reject(new ApiError(request.status, answer));
    });
    request.send(file);
  });
}

/** Server-sent events with the key, which EventSource cannot send: yields `{id, type, data}`. */
export async function* events(path, signal) {
  const response = await call("GET", path, { accept: "text/event-stream", signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value.replaceAll("\r\n", "\n");
    let end = buffer.indexOf("\n\n");
    for (; end >= 0; end = buffer.indexOf("\n\n")) {
      const event = parseEvent(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (event) yield event;
    }
  }
}

function parseEvent(block) {
  const event = { id: "", type: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") event.data += event.data ? `\n${value}` : value;
    else if (name === "event") event.type = value;
    else if (name === "id") event.id = value;
  }
  return event.data === "" ? undefined : { ...event, data: JSON.parse(event.data) };
}
