/** Settings of `deno task worker`, by environment variables. */
import { resolve } from "node:path";

/** Every variable that it reads; its children may see these only. */
export const workerVariables = [
  "MCGIP_DATA",
  "MCGIP_API",
  "MCGIP_API_KEY",
  "MCGIP_CACHE",
  "MCGIP_CACHE_BYTES",
  "MCGIP_GPUS",
] as const;

const CACHE_BYTES = 50 * 2 ** 30;

export interface ElsewhereSettings {
  /** Address of the server, without a slash at the end. */
  api: string;
  key: string;
  /** Absolute path of the directory of what is kept of the server's files. */
  cache: string;
  maxBytes: number;
}

type Env = (name: (typeof workerVariables)[number]) => string | undefined;

/**
 * The server elsewhere that MCGIP_API names; undefined without it.
 * @throws {Error} that says which setting cannot be used
 */
export function readElsewhere(env: Env): ElsewhereSettings | undefined {
  const api = env("MCGIP_API");
  if (!api) return undefined;
  const url = URL.parse(api);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/" || url.search) {
    throw new Error(
      `Cannot use MCGIP_API=${api}: the address of a server is needed, as in https://server:8000`,
    );
  }
  const key = env("MCGIP_API_KEY");
  if (!key) {
    throw new Error(
      "Cannot link to MCGIP_API without MCGIP_API_KEY: a key with the scope `work`, made there by " +
        "`deno task keys make NAME --scopes work`",
    );
  }
  const bytes = env("MCGIP_CACHE_BYTES") || String(CACHE_BYTES);
  if (!/^\d{1,15}$/.test(bytes)) {
    throw new Error(`Cannot use MCGIP_CACHE_BYTES=${bytes}: a whole number of bytes is needed`);
  }
  return {
    api: url.origin,
    key,
    cache: resolve(env("MCGIP_CACHE") || "worker-cache"),
    maxBytes: Number(bytes),
  };
}

/**
 * The cards that MCGIP_GPUS names, by their places on the bus; one that is not named without it.
 * @throws {Error} that says which cannot be used
 */
export function readCards(env: Env): (string | undefined)[] {
  const names = (env("MCGIP_GPUS") ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  const wrong = names.find((name) => !/^pci-[0-9a-f]{4}_[0-9a-f]{2}_[0-9a-f]{2}_[0-7]$/.test(name));
  if (wrong !== undefined) {
    throw new Error(
      `Cannot use "${wrong}" in MCGIP_GPUS: places as in pci-0000_41_00_0 are needed, with commas`,
    );
  }
  if (new Set(names).size < names.length) throw new Error("Cannot use a card twice in MCGIP_GPUS");
  return names.length > 0 ? names : [undefined];
}

/** By these Mesa's layer, which stands before every vendor's driver, puts a card first in Vulkan's list. */
export function environmentOf(card: string | undefined): Record<string, string> {
  if (card === undefined) return {};
  return {
    DRI_PRIME: `${card}!`,
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
    DENO_WEBGPU_BACKEND: "vulkan",
  };
}
