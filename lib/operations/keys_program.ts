/** `deno task keys` on the command line: keys of a data directory, also while its server runs. */
import { z } from "zod";
import {
  type KeyChanges,
  keyChangesSchema,
  keyRequestSchema,
  keySchema,
  toKeyView,
} from "@/lib/access/key.ts";
import { hasExpired, Keyring } from "@/lib/access/keyring.ts";
import { storedBytes } from "@/lib/access/quota.ts";
import { dataDirectory } from "@/lib/config.ts";
import { InvalidInput, NotFound } from "@/lib/errors.ts";
import { CONTROL } from "@/lib/plain_name.ts";
import { readOptions } from "@/lib/options.ts";
import { type AtRest, atRest, breakSeal, CHANGED, seal } from "@/lib/store/database_seal.ts";
import { isHeld, versionOfHolder } from "@/lib/store/lock.ts";
import { lookAt, type LookedAt } from "@/lib/store/looked_at.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { newerSchema } from "@/lib/store/newer_schema.ts";
import { unusable } from "@/lib/store/unusable.ts";
import { type KeyRow, openStore, scopes, type Store } from "@/lib/store/mod.ts";
import { assertHoldsDatabase, DATABASE } from "./data_files.ts";
import { readSize, readTime } from "./quantity.ts";
import { sizeText } from "./size_text.ts";

const HELP = `deno task keys [list | make NAME | change ID | revoke ID] [OPTIONS]
What is done here counts for a running server after a second. The last key that can make keys stays.
  --data FOLDER    the data directory (MCGIP_DATA, ./data)
  --json           prints JSON instead of a table
Of make and change:
  --name NAME      of change: another name
  --scopes LIST    of ${scopes.join(", ")} (make: read)
  --expires WHEN   30d, 12h, 2w or a date; never
  --rate N         requests a second; none
  --burst N        requests at once before the rate counts; none
  --max-bytes N    that it may store: 500M, 10G; none
  --max-jobs N     that may wait, run or pause; none
  -h, --help       prints this and leaves`;

const OPTIONS = {
  data: { type: "string" },
  json: { type: "boolean" },
  name: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  rate: { type: "string" },
  burst: { type: "string" },
  "max-bytes": { type: "string" },
  "max-jobs": { type: "string" },
} as const;
type Asked = Store | LookedAt;
type Values = Partial<Record<keyof typeof OPTIONS, string | boolean>>;

/** @returns the exit code */
export async function keysProgram(args: string[]): Promise<number> {
  const { values, positionals } = readOptions("change keys", OPTIONS, args, 2);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { data, json = false, help: _, ...chosen } = values;
  const [action = "list", of] = positionals;
  const changes = changesOf(chosen);
  if (!["make", "change"].includes(action) && Object.keys(changes).length > 0) {
    throw new Error(`Cannot ${action} keys with --${Object.keys(chosen)[0]}; see --help`);
  }
  const work = actionOf(action, of, changes);
  const directory = dataDirectory(data || Deno.env.get("MCGIP_DATA"));
  assertHoldsDatabase(
    `${action} keys in ${directory}`,
    directory,
    ", or start the server once",
  );
  const database = `${directory}/${DATABASE}`;
  const found = isHeld(directory) ? undefined : atRest(database);
  if (found === "changed") console.error(CHANGED);
  try {
    if (work === undefined) console.log(await list(directory, json));
    else {await change(directory, found, async (store) => {
        console.log(await work(store, await Keyring.of(store), json));
      }, action);}
    return 0;
  } catch (error) {
    if (error instanceof InvalidInput) throw new Error(byOptions(error.message));
    if (error instanceof NotFound) throw new Error(`${error.message}: deno task keys lists them`);
    throw unusable(directory, error) ?? error;
  }
}

/** Opens nothing for writing, brings no schema up and leaves the seal. */
async function list(directory: string, json: boolean): Promise<string> {
  const looked = await lookAt(directory);
  try {
    assertOwnSchema("list keys", directory, looked.schema);
    const rows = await looked.keys.all();
    return json ? asJson(rows) : await table(looked, rows);
  } finally {
    await looked.close();
  }
}

/**
 * A database of another schema is not brought up on the way: the server that uses it, or will, does not know it then.
 * @throws {Error} that says what to do
 */
function assertOwnSchema(doing: string, directory: string, schema: number): void {
  if (schema === knownVersion) return;
  if (schema > knownVersion) throw newerSchema(`${doing} in ${directory}`, directory, schema);
  const version = versionOfHolder(directory);
  throw new Error(
    `Cannot ${doing} in ${directory}: its schema is version ${schema}, this program makes ${knownVersion}. ` +
      (isHeld(directory)
        ? `The server that works there is ${
          version ? `version ${version}` : "of another version"
        }: run this from ` +
          "its checkout, or start the server anew from this one first"
        : "Start the server of this version there once, which brings it up and keeps a copy, or run this from the " +
          "checkout of the version that made it"),
  );
}

/** Does what changes keys. */
async function change(
  directory: string,
  atRest: AtRest | undefined,
  work: (store: Store) => Promise<void>,
  action: string,
): Promise<void> {
  const looked = await lookAt(directory);
  await looked.close();
  assertOwnSchema(`${action} keys`, directory, looked.schema);
  const database = `${directory}/${DATABASE}`;
  // Of one that is as it was left this is the last user, and what it changes is no damage; otherwise the next start
  // tells of it, too.
  const own = atRest === "same";
  if (own) breakSeal(database);
  try {
    const store = await openStore(directory, { shared: true });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  } finally {
    if (own) seal(database);
  }
}

/** What to change, and to print; undefined for a list. Whatever can be refused without the data directory is. */
function actionOf(
  action: string,
  of: string | undefined,
  changes: KeyChanges,
): ((store: Store, keyring: Keyring, json: boolean) => Promise<string>) | undefined {
  if (action === "list") {
    if (of !== undefined) {
      throw new Error(`Cannot list keys: unexpected argument '${of}'; see --help`);
    }
    return undefined;
  }
  if (action === "make") {
    const { name = of, ...rest } = changes;
    if (name === undefined) throw new Error("Cannot make a key: give it a name; see --help");
    const request = parse(keyRequestSchema, { scopes: ["read"], ...rest, name });
    return async (_store, keyring, json) => {
      const { key, row } = await keyring.make(request);
      if (json) return JSON.stringify({ ...toKeyView(row), key }, null, 2);
      return `${row.id}  ${row.name}  ${row.scopes.join(",")}\n${key}\nIt is shown only now.`;
    };
  }
  if (action !== "change" && action !== "revoke") {
    throw new Error(`Cannot ${action} keys: list, make, change or revoke is needed; see --help`);
  }
  if (of === undefined) throw new Error(`Cannot ${action} a key: name its id; see --help`);
  if (action === "revoke") {
    return async (_store, keyring, json) => {
      await keyring.remove(of);
      return json ? JSON.stringify({ id: of, revoked: true }) : `${of} is revoked`;
    };
  }
  if (Object.keys(changes).length === 0) {
    throw new Error("Cannot change a key: say what, by an option; see --help");
  }
  const parsed = parse(keyChangesSchema, changes);
  return async (store, keyring, json) => {
    const row = await keyring.change(of, parsed);
    return json ? JSON.stringify(toKeyView(row), null, 2) : await table(store, [row]);
  };
}

/** The fields that the options name, not looked at yet. */
function changesOf(values: Values): KeyChanges {
  const given = (name: keyof Values, read: (option: string, text: string) => unknown) => {
    const text = values[name];
    if (typeof text !== "string") return undefined;
    return text === (name === "expires" ? "never" : "none") ? null : read(`--${name}`, text);
  };
  const changes = {
    name: values.name,
    scopes: typeof values.scopes === "string" ? readScopes(values.scopes) : undefined,
    expires_at: given("expires", readTime),
    rate: given("rate", number),
    burst: given("burst", number),
    max_bytes: given("max-bytes", readSize),
    max_jobs: given("max-jobs", number),
  };
  return Object.fromEntries(
    Object.entries(changes).filter(([, value]) => value !== undefined),
  ) as KeyChanges;
}

function readScopes(text: string): string[] {
  const named = text.split(",").map((scope) => scope.trim());
  const unknown = named.find((name) => !scopes.some((scope) => scope === name));
  if (unknown === undefined) return named;
  throw new Error(`Cannot use --scopes ${unknown}: a list of ${scopes.join(", ")} is needed`);
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new Error(`Cannot use ${option} ${text}: a number or none is needed`);
  }
  return value;
}

const OPTION_OF: Record<string, string> = {
  expires_at: "--expires",
  rate: "--rate",
  burst: "--burst",
  max_bytes: "--max-bytes",
  max_jobs: "--max-jobs",
};

/** A refusal of fields, with the options that gave them. */
const byOptions = (message: string) =>
  message.replace(
    /`?\b(expires_at|rate|burst|max_bytes|max_jobs)\b`?(?= |$)/g,
    (_, field) => OPTION_OF[field],
  );

/** @throws {Error} that names the option */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path: [field], message }] = parsed.error.issues;
  const name = String(field);
  throw new Error(`Cannot use ${OPTION_OF[name] ?? `--${name}`}: ${message}`);
}

const asJson = (rows: KeyRow[]) =>
  JSON.stringify(rows.map(toKeyView) satisfies z.output<typeof keySchema>[], null, 2);

async function table(store: Asked, rows: KeyRow[]): Promise<string> {
  const cells = [["id", "name", "scopes", "last use", "expires", "rate", "stored", "jobs"]];
  for (const row of rows) cells.push(await cellsOf(store, row));
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  return cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd())
    .join("\n");
}

async function cellsOf(store: Asked, row: KeyRow): Promise<string[]> {
  const { id, name, scopes, last_used_at, expires_at, rate, burst, max_bytes, max_jobs } = row;
  const stored = await storedBytes(store, id);
  const jobs = await store.owners.openJobs(id);
  const over = hasExpired(row) ? " (over)" : "";
  return [
    id,
    // One that an earlier version took.
    name.replaceAll(new RegExp(CONTROL, "gu"), "?"),
    scopes.join(","),
    last_used_at?.slice(0, 16) ?? "never",
    expires_at === null ? "never" : `${expires_at.slice(0, 16)}${over}`,
    rate === null ? "any" : `${rate}/s${burst === null ? "" : `, ${burst} at once`}`,
    `${sizeText(stored)}${max_bytes === null ? "" : ` of ${sizeText(max_bytes)}`}`,
    `${jobs}${max_jobs === null ? "" : ` of ${max_jobs}`}`,
  ];
}
