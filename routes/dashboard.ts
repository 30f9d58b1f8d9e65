/** Pages: files of `static/`, each known by name, and files of packages that they load. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { root, vendored } from "@/lib/permissions.ts";
import { bare } from "./format.ts";
import { HttpError } from "./problem.ts";
import { type Route, route } from "./route.ts";

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  woff2: "font/woff2",
  py: "text/x-python; charset=utf-8",
  ipynb: "application/x-ipynb+json",
};

/** Regular files under `folder` by path; links are not followed, other types are left out. */
function filesUnder(folder: string, prefix = ""): [path: string, file: string][] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isFile, isDirectory }) => {
    const path = `${prefix}${name}`;
    if (isDirectory) return filesUnder(`${folder}/${name}`, `${path}/`);
    return isFile && extensionOf(name) in types ? [[path, `${folder}/${name}`]] : [];
  });
}

const extensionOf = (path: string) => path.slice(path.lastIndexOf(".") + 1);

let known: Map<string, string> | undefined;

/** Files of the dashboard, and under `vendor/` those of packages, by their path below `/static/`. */
function allFiles(): Map<string, string> {
  return known ??= new Map([
    ...filesUnder(`${root}/static`),
    ...Object.entries(vendored).map(([name, file]): [string, string] => [`vendor/${name}`, file]),
  ]);
}

/** Size and time of a file: another one where it has changed. */
async function stateOf(file: string): Promise<string> {
  const { mtime, size } = await Deno.lstat(file);
  return `${size.toString(36)}-${(mtime?.getTime() ?? 0).toString(36)}`;
}

/** What all files together are now. It is in the paths of the page's own files, which then never change. */
async function currentVersion(): Promise<string> {
  const states = await Promise.all(
    [...allFiles()].map(async ([path, file]) => `${path} ${await stateOf(file)}`),
  );
  return `v-${createHash("sha256").update(states.join("\n")).digest("hex").slice(0, 12)}`;
}

async function serveFile(path: string, file: string | undefined, request: Request) {
  if (file === undefined) throw new HttpError(404, "Cannot find this file");
  const etag = `W/"${await stateOf(file)}"`;
  const headers = {
    "content-type": types[extensionOf(path)],
    "cache-control": "no-cache",
    etag,
  };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  if (TEXT.test(path) && BROTLI.test(request.headers.get("accept-encoding") ?? "")) {
    const packed = { ...headers, "content-encoding": "br", vary: "accept-encoding" };
    return new Response(await brotliOf(file, etag), { headers: packed });
  }
  return new Response(await Deno.readFile(file), { headers });
}

const TEXT = /\.(js|css|svg)$/;
/** Named, and not by a weight of 0. */
const BROTLI = /(^|[\s,])br(?!\s*;\s*q=0(\.0*)?(\s|,|$))/;
const compressed = new Map<string, { etag: string; bytes: Promise<Uint8Array<ArrayBuffer>> }>();
const compressBrotli = promisify(brotliCompress);
/** Beyond it a first view takes longer by more than its bytes save. */
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };

/** A file by Brotli, smaller than by gzip: made once as long as it stays as it is. */
function brotliOf(file: string, etag: string): Promise<Uint8Array<ArrayBuffer>> {
  const known = compressed.get(file);
  if (known?.etag === etag) return known.bytes;
  const bytes = Deno.readFile(file).then(async (text) =>
    new Uint8Array(await compressBrotli(text, QUALITY))
  );
  bytes.catch(() => compressed.delete(file));
  compressed.set(file, { etag, bytes });
  return bytes;
}

function staticFile(path: string, request: Request): Promise<Response> {
  return serveFile(path, allFiles().get(path), request);
}

/** `v-0123456789ab/app.js` is kept for ever, where that is the version that is served. */
async function versionedFile(path: string, request: Request): Promise<Response> {
  const [, version, rest] = /^(v-[0-9a-f]{12})\/(.+)$/.exec(path) ?? [];
  if (version === undefined) return await staticFile(path, request);
  const response = await staticFile(rest, request);
  // A page of before an update gets what there is now, and must not keep it under the old name.
  if (version === await currentVersion()) {
    response.headers.set("cache-control", "public, max-age=31536000, immutable");
  }
  return response;
}

/** A page whose files are named with their version: they are asked for once, and again after an update. */
async function page(path: string, request: Request): Promise<Response> {
  const version = await currentVersion();
  const text = await Deno.readTextFile(allFiles().get(path)!);
  const etag = `W/"${version}-${path}"`;
  const headers = { "content-type": types.html, "cache-control": "no-cache", etag };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  const versioned = text.replace(/(src|href)="\/static\//g, `$1="/static/${version}/`)
    .replace(/(src|href)="\/vendor\//g, `$1="/static/${version}/vendor/`);
  return new Response(versioned, { headers });
}

export const dashboard: Route[] = [
  route({
    method: "GET",
    path: "/",
    operationId: "getDashboard",
    summary: "The dashboard",
    scope: null,
    answers: { 200: ["text/html"], 304: null },
    handle: ({ request }) => page("index.html", request),
  }),
  route({
    method: "GET",
    path: "/static/{file*}",
    operationId: "getStaticFile",
    summary: "Files of the dashboard; under a version they never change",
    scope: null,
    answers: { 200: Object.values(types).map(bare), 304: null },
    handle: ({ request, params }) => versionedFile(params.file, request),
  }),
  route({
    method: "GET",
    path: "/vendor/{file}",
    operationId: "getVendoredFile",
    summary: "Files of packages that the pages load",
    scope: null,
    answers: { 200: ["text/javascript", "text/css"], 304: null },
    handle: ({ request, params: { file } }) => staticFile(`vendor/${file}`, request),
  }),
  route({
    method: "GET",
    path: "/mcgip.py",
    operationId: "getPythonClient",
    summary: "The client for Python: one file, without packages",
    scope: null,
    answers: { 200: ["text/x-python"], 304: null },
    handle: ({ request }) => staticFile("mcgip.py", request),
  }),
  route({
    method: "GET",
    path: "/mcgip.ipynb",
    operationId: "getNotebook",
    summary: "A notebook that goes the whole way with the client for Python",
    scope: null,
    answers: { 200: ["application/x-ipynb+json"], 304: null },
    handle: ({ request }) => staticFile("mcgip.ipynb", request),
  }),
  route({
    method: "GET",
    path: "/docs",
    operationId: "getDocs",
    summary: "The description of the API as a page",
    scope: null,
    answers: { 200: ["text/html"], 304: null },
    handle: ({ request }) => page("docs.html", request),
  }),
];
