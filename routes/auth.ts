/** Who may ask at all: the Host list, the Origin rule, the key and its scope. */
import { createHash } from "node:crypto";
import type { Context } from "hono";
import { hasExpired } from "@/lib/access/keyring.ts";
import type { KeyRow, Scope } from "@/lib/store/mod.ts";
import { nextTurn } from "@/lib/turns.ts";
import { HttpError } from "./problem.ts";
import type { Env, Services } from "./route.ts";

const unsafe = (method: string) => !["GET", "HEAD", "OPTIONS"].includes(method);

interface Refusal {
  status: 401 | 403;
  title: string;
  detail: string;
  headers?: Record<string, string>;
}

const refusal = ({ status, title, detail, headers = {} }: Refusal) =>
  new HttpError(status, detail, headers, [], title);

/** A name that resolves to this machine must not let another site in (DNS rebinding). */
function checkHost(request: Request, allowed: string[]): void {
  const host = request.headers.get("host");
  const name = host === null ? undefined : /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d+)?$/i.exec(host)?.[1];
  const plain = name?.toLowerCase().replace(/^\[|\]$/g, "");
  if (plain === undefined || !allowed.includes(plain)) {
    const setting = plain === undefined ? "MCGIP_ALLOWED_HOSTS" : `MCGIP_ALLOWED_HOSTS=${plain}`;
    throw refusal({
      status: 403,
      title: "Unknown host",
      detail:
        "Cannot answer under this name: it is not in the list of hosts; whoever runs the server " +
        `adds it, ${setting} at its start (further names with commas)`,
    });
  }
}

const anotherSite = () =>
  refusal({ status: 403, title: "Another site", detail: "Cannot answer a page of another site" });

/** Requests of other sites' pages are refused; programs send neither of these headers. */
function checkOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  if (origin !== null) {
    const own = request.headers.get("host");
    if (origin === `http://${own}` || origin === `https://${own}`) return;
    throw anotherSite();
  }
  const site = request.headers.get("sec-fetch-site");
  if (unsafe(request.method) && site !== null && site !== "same-origin" && site !== "none") {
    throw anotherSite();
  }
}

/** The key of the request. Throws HttpError 401 and 403. */
async function checkKey(
  request: Request,
  { config, keyring }: Services,
  scope: Scope,
): Promise<KeyRow | undefined> {
  if (!config.auth) return undefined;
  const header = request.headers.get("authorization") ?? "";
  const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header)?.[1];
  const key = token === undefined ? undefined : await keyring.find(token);
  if (key && hasExpired(key)) {
    throw refusal({
      status: 401,
      title: "Expired key",
      detail: `Cannot answer: this key expired at ${key.expires_at}; ask for another`,
      headers: { "www-authenticate": 'Bearer realm="mcgip", error="invalid_token"' },
    });
  }
  if (!key) {
    throw new HttpError(401, "Cannot answer without a valid key (Authorization: Bearer KEY)", {
      "www-authenticate": 'Bearer realm="mcgip"',
    });
  }
  if (!key.scopes.includes(scope)) {
    throw refusal({
      status: 403,
      title: "Missing scope",
      detail: `Cannot do this with a key without the scope "${scope}"`,
    });
  }
  await keyring.used(key);
  return key;
}

/** Takes one request from those that the key may send now. Throws HttpError 429. */
function checkRate(c: Context<Env>, { limiter }: Services, key: KeyRow | undefined): void {
  if (!key || key.rate === null) return;
  const { rate, burst } = key;
  const taken = limiter.take(key.id, { rate, burst });
  const window = Math.ceil(taken.burst / rate);
  c.set("rate", {
    "ratelimit-policy": `"key";q=${taken.burst};w=${window}`,
    ratelimit: `"key";r=${taken.remaining};t=${Math.ceil(taken.full)}`,
  });
  if (taken.allowed) return;
  const seconds = Math.max(1, Math.ceil(taken.wait));
  throw new HttpError(
    429,
    `Cannot answer so many requests: this key may send ${rate} a second, ${taken.burst} at once; ` +
      `wait ${seconds} s`,
    { "retry-after": String(seconds) },
  );
}

/** Who may ask: by the Host, the Origin and, unless `scope` is null, the key. Throws HttpError 401 and 403. */
export async function admit(
  request: Request,
  services: Services,
  scope: Scope | null,
): Promise<KeyRow | undefined> {
  checkHost(request, services.config.allowedHosts);
  checkOrigin(request);
  return scope === null ? undefined : await checkKey(request, services, scope);
}

/** Lets through who may ask, as often as its key may. */
export function guard(services: Services, scope: Scope | null): (c: Context<Env>) => Promise<void> {
  return async (c) => {
    const key = await admit(c.req.raw, services, scope);
    if (scope !== null) {
      c.set("key", key);
      checkRate(c, services, key);
    }
  };
}

/** What answers are kept under: a key's own, never another's. */
export const ownerOf = (key: KeyRow | undefined): string => key?.id ?? "anyone";

const encoder = new TextEncoder();

/** Bytes that are hashed without a pause: a thousandth of a second. */
const AT_ONCE = 2 ** 20;

/** SHA-256 of what was sent; of large bodies in parts, so that others are answered meanwhile. */
export async function digestOf(...parts: (string | Uint8Array)[]): Promise<string> {
  const hash = createHash("sha256");
  for (const part of parts) {
    // Lengths keep "ab", "c" and "a", "bc" apart.
    hash.update(`${part.length}:`);
    const bytes = typeof part === "string" ? encoder.encode(part) : part;
    for (let at = 0; at < bytes.length; at += AT_ONCE) {
      if (at > 0) await nextTurn();
      hash.update(bytes.subarray(at, at + AT_ONCE));
    }
  }
  return hash.digest("hex");
}
