/** The data directory: whose it is, its disk, its database, its times. */
import { existsSync, statfsSync, type StatsFs } from "node:fs";
import { dirname } from "node:path";
import { atRest, CHANGED } from "@/lib/store/database_seal.ts";
import { Inspection } from "@/lib/store/inspection.ts";
import { isHeld } from "@/lib/store/lock.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { copyFromBefore } from "@/lib/store/newer_schema.ts";
import { sqliteFits } from "@/lib/store/sqlite.ts";
import { DATABASE, isTaken, SECRET } from "../data_files.ts";
import { sizeText } from "../size_text.ts";
import { fault, type Finding, ok, warning } from "./finding.ts";

type Room = Pick<StatsFs, "bavail" | "bsize" | "blocks" | "ffree" | "files">;

const LEAST_ROOM = 100e6;
const LITTLE_ROOM = 2e9;
const LARGE_LOG = 256e6;
/** Clocks of two machines differ; ms. */
const CLOCK_MS = 120_000;
/** Before it this program did not exist. */
const EPOCH = Date.parse("2026-01-01T00:00:00Z");

export function checkDirectory(data: string): Finding {
  const check = "directory";
  const other = "name another by --data";
  try {
    if (!existsSync(data)) {
      if (isTaken(data)) return fault(check, `${data} is a link that leads nowhere`, other);
      const parent = nearestParent(data);
      const probe = `${parent}/.mcgip-doctor-${Deno.pid}`;
      Deno.mkdirSync(probe);
      Deno.removeSync(probe);
      return ok(check, `${data} is not there yet; the first start makes it`);
    }
    const { isDirectory, mode, uid } = Deno.statSync(data);
    if (!isDirectory) return fault(check, `${data} is a file`, other);
    const probe = Deno.makeTempFileSync({ dir: data, prefix: ".doctor-" });
    Deno.removeSync(probe);
    if (uid !== null && Deno.uid() !== 0 && uid !== Deno.uid()) {
      return warning(
        check,
        `${data} belongs to user ${uid}, this is ${Deno.uid()}`,
        `chown -R ${Deno.uid()} ${data}`,
      );
    }
    const open = [data, `${data}/${SECRET}`, `${data}/${DATABASE}`]
      .filter((path) => existsSync(path) && ((Deno.statSync(path).mode ?? 0) & 0o077) !== 0);
    // Below a directory that is closed nothing is open.
    if (mode !== null && (mode & 0o077) !== 0 && open.length > 0) {
      return warning(
        check,
        `other users of the machine may look into ${data}`,
        `chmod 700 ${data}`,
      );
    }
    return ok(check, `${data} can be written`);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return fault(
        check,
        `${data} may not be written`,
        `chown -R ${Deno.uid()} ${data}, or ${other}`,
      );
    }
    const why = (error as { code?: string }).code === "EROFS"
      ? "lies on a file system that is read-only"
      : `cannot be used (${(error as Error).name})`;
    return fault(check, `${data} ${why}`, other);
  }
}

export function checkDisk(data: string): Finding {
  return diskOf(statfsSync(nearestParent(data)));
}

export function diskOf({ bavail, bsize, blocks, ffree, files }: Room): Finding {
  const free = bavail * bsize;
  const found = `${sizeText(free)} of ${sizeText(blocks * bsize)} free`;
  const advice =
    "delete data sets or models, or give the disk more room; aside/ in the data directory may go";
  if (free < LEAST_ROOM) return fault("disk", found, advice);
  if (files > 0 && ffree < 1000) {
    return fault("disk", `${found}, but no room for more files (inodes)`, advice);
  }
  return free < LITTLE_ROOM ? warning("disk", found, advice) : ok("disk", found);
}

export function checkDatabase(data: string): Finding {
  const check = "database";
  const path = `${data}/${DATABASE}`;
  const restore = "deno task restore BACKUP --data NEW";
  if (!sqliteFits()) return fault(check, "SQLite of this runtime is too old", "deno upgrade");
  if (!existsSync(path)) {
    const held = ["files", "checkpoints"].filter((name) =>
      existsSync(`${data}/${name}`) && !isEmpty(`${data}/${name}`)
    );
    return held.length > 0
      ? fault(check, `missing, although there are ${held.join(" and ")}`, restore)
      : ok(check, "not there yet");
  }
  try {
    const changed = !isHeld(data) && atRest(path) === "changed";
    const inspection = new Inspection(path);
    try {
      const [found] = inspection.faults(true);
      if (found !== undefined) {
        return fault(check, found, `${restore}, or deno task salvage --data ${data}`);
      }
      const version = inspection.version();
      if (version > knownVersion) {
        return fault(
          check,
          `made by a newer program (schema ${version}, this one knows ${knownVersion})`,
          adviceForNewer(data),
        );
      }
      if (changed) return warning(check, CHANGED, `${restore}, or rm ${path}.sha256`);
      const log = existsSync(`${path}-wal`) ? Deno.statSync(`${path}-wal`).size : 0;
      if (log > LARGE_LOG) {
        return warning(
          check,
          `its write-ahead log has ${sizeText(log)}`,
          "start the server anew, once",
        );
      }
      const schema = version < knownVersion
        ? `, schema ${version}: the next start brings it to ${knownVersion}`
        : "";
      return ok(check, `sound, ${sizeText(Deno.statSync(path).size)}${schema}`);
    } finally {
      inspection.close();
    }
  } catch (error) {
    return fault(check, (error as Error).message, restore);
  }
}

function adviceForNewer(data: string): string {
  const copy = copyFromBefore(data);
  return "update the program" +
    (copy === undefined
      ? ""
      : `; or go back to the copy of before, ${copy}: README, "Go back to an older version"`);
}

export function checkClock(data: string): Finding {
  return clockOf(data, Date.now());
}

/** @param now ms */
export function clockOf(data: string, now: number): Finding {
  const check = "clock";
  const advice = "set the clock, and keep it set: timedatectl set-ntp true";
  const found = new Date(now).toISOString();
  if (now < EPOCH) return fault(check, `${found}: years behind`, advice);
  const latest = Math.max(...timesOf(data));
  return latest > now + CLOCK_MS
    ? warning(
      check,
      `${found}: the directory holds things of ${new Date(latest).toISOString()}`,
      advice,
    )
    : ok(check, found);
}

/** When things in the directory were last made, ms. */
function timesOf(data: string): number[] {
  const path = `${data}/${DATABASE}`;
  if (!existsSync(path)) return [0];
  const written = [path, `${path}-wal`].filter(existsSync)
    .map((file) => Deno.statSync(file).mtime?.getTime() ?? 0);
  try {
    const inspection = new Inspection(path);
    try {
      const job = inspection.newestJob();
      return job === undefined ? written : [...written, Date.parse(job)];
    } finally {
      inspection.close();
    }
  } catch {
    // What is wrong with it another check tells.
    return written;
  }
}

const isEmpty = (folder: string) => Deno.readDirSync(folder)[Symbol.iterator]().next().done;

/** The path, or the nearest folder above it that is there. */
function nearestParent(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestParent(dirname(path));
}
