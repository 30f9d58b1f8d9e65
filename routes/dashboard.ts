/** Pages: files of `static/`, each known by name, and files of packages that they load. */
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

async function serveFile(path: string, file: string | undefined, request: Request) {
  if (file === undefined) throw new HttpError(404, "Cannot find this file");
  const { mtime, size } = await Deno.lstat(file);
  const etag = `W/"${size.toString(36)}-${(mtime?.getTime() ?? 0).toString(36)}"`;
  const headers = {
    "content-type": types[extensionOf(path)],
    "cache-control": "no-cache",
    etag,
  };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(await Deno.readFile(file), { headers });
}

function staticFile(path: string, request: Request): Promise<Response> {
  known ??= new Map(filesUnder(`${root}/static`));
  return serveFile(path, known.get(path), request);
}

export const dashboard: Route[] = [
  route({
    method: "GET",
    path: "/",
    operationId: "getDashboard",
    summary: "The dashboard",
    scope: null,
    answers: { 200: ["text/html"], 304: null },
    handle: ({ request }) => staticFile("index.html", request),
  }),
  route({
    method: "GET",
    path: "/static/{file*}",
    operationId: "getStaticFile",
    summary: "Files of the dashboard",
    scope: null,
    answers: { 200: Object.values(types).map(bare), 304: null },
    handle: ({ request, params }) => staticFile(params.file, request),
  }),
  route({
    method: "GET",
    path: "/vendor/{file}",
    operationId: "getVendoredFile",
    summary: "Files of packages that the pages load",
    scope: null,
    answers: { 200: ["text/javascript", "text/css"], 304: null },
    handle: ({ request, params: { file } }) =>
      serveFile(file, new Map(Object.entries(vendored)).get(file), request),
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
    handle: ({ request }) => staticFile("docs.html", request),
  }),
];
