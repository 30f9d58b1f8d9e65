/** The API process: opens the store, starts the worker, listens, leaves in order. */
import { createAdaptorServer } from "@hono/node-server";
import { counted } from "@/lib/counted.ts";
import { waitingLimit } from "@/lib/file_handles.ts";
import { type Config, isLoopback } from "@/lib/config.ts";
import { checkoutWatch } from "@/lib/commit.ts";
import { EventLoopWatch } from "@/lib/event_loop.ts";
import { Unavailable } from "@/lib/errors.ts";
import { logger, withoutNames } from "@/lib/log.ts";
import { LostJobs } from "@/lib/jobs/lost_jobs.ts";
import { JobNotifier } from "@/lib/jobs/job_notifier.ts";
import { StudyKeeper } from "@/lib/studies/study_keeper.ts";
import type { Server } from "node:http";
import { hostname } from "node:os";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { Supervisor } from "@/lib/worker/supervisor.ts";
import { Workers } from "@/lib/worker/workers.ts";
import { RateLimiter } from "@/lib/access/rate_limiter.ts";
import { Keyring } from "@/lib/access/keyring.ts";
import { workerArguments } from "@/lib/permissions.ts";
import { WAITS } from "@/lib/store/claims.ts";
import { CHANGED as CHANGED_AT_REST } from "@/lib/store/database_seal.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { createApp } from "./app.ts";
import { keepHouse } from "./housekeeping.ts";
import { routes } from "./mod.ts";
import { Places } from "./places.ts";
import type { Services } from "./route.ts";
import { UnderWay } from "./under_way.ts";
import { acceptWorkers } from "./work_link.ts";
import { Traffic } from "./request_metrics.ts";

/** Time for the worker to save and leave, ms: in order, and when whoever started us is gone. */
const LEAVE_MS = 25_000;
/** Time for requests that are being answered when it is asked to leave, ms. */
const LINGER_MS = 10_000;
const ORPHAN_MS = 1_000;

/** On which the servers of a cluster tell each other of which job there is news. */
const CHANGED = "mcgip_changed";
/** A key that was removed on one server is refused by the others after so long at most, ms. */
const KEYS_MS = 3_000;
const SEVERAL_KEYS =
  "Another server of the cluster has another MCGIP_API_KEY: each key is valid on all servers, until a minute " +
  "after the last server left that was started with it; give all of them one, one server after another";
const SWEEP_MS = 3_600_000;
/** How often jobs of lost workers are looked for. */
const LOST_MS = 1_000;

const nothing = { files: 0, checkpoints: 0, returned: 0 };

/** What helps against an address that cannot be had. */
const remedies: Record<string, string> = {
  EADDRINUSE: "another program listens there: end it, or choose another port by --port",
  EACCES: "ports below 1024 are for the system: choose another by --port",
  EADDRNOTAVAIL: "--host takes an address of this machine",
  ENOTFOUND: "--host takes an address of this machine",
};

function whatToDo(error: Error): string {
  const remedy = remedies[(error as { code?: string }).code ?? ""];
  return remedy ? `; ${remedy}` : "";
}

/** What a server does because there are others; the function that comes back ends it. */
function joinCluster(
  { cluster, files }: Store,
  { keyring, notifier, workers, log }: Pick<Services, "keyring" | "notifier" | "workers" | "log">,
): () => void {
  const deaf = [
    cluster!.listen(CHANGED, (job) => notifier.heard(job)),
    cluster!.listen(WAITS, () => workers.notify("wake")),
  ];
  // While the database is away everything else says so.
  let several = false;
  const tellKeys = () => {
    if (keyring.otherEnvironment === several) return;
    several = keyring.otherEnvironment;
    log(several ? SEVERAL_KEYS : "All servers of the cluster have one MCGIP_API_KEY again");
  };
  tellKeys();
  const keys = setInterval(() => {
    keyring.hold().then(() => keyring.reload()).then(tellKeys, () => {});
  }, KEYS_MS);
  const sweep = setInterval(() => {
    files.shared!.sweep().then(
      (removed) => removed > 0 && log(`removed ${removed} files that nothing refers to`),
      (error) => log(`Cannot remove what nothing refers to: ${error.message}`),
    );
  }, SWEEP_MS);
  return () => {
    for (const end of deaf) end();
    clearInterval(keys);
    clearInterval(sweep);
  };
}

/** Where the server listens, and its first key: the one thing of the log that is a secret. */
function announce(
  { log: format, auth, host, allowedHosts }: Config,
  url: string,
  key: string | undefined,
  log: Services["log"],
): void {
  const json = format === "json";
  const tell = (text: string) => json ? log(text, { url }) : console.log(text);
  if (key && auth) {
    if (json) log("The key of this server, shown only now", { key });
    else console.log(`The key of this server, shown only now: ${key}`);
  }
  tell(`McGIP Server listens on ${url}`);
  if (isLoopback(host)) return;
  log(
    `It answers under ${allowedHosts.join(", ")}, and refuses every other name; ` +
      "MCGIP_ALLOWED_HOSTS=NAME,NAME at its start adds those that clients and workers use",
  );
}

/** Looks for lost jobs, one look after another. */
function lookFor(lost: LostJobs, log: Services["log"]): { stop(): Promise<void> } {
  let stopped = false;
  let look = Promise.resolve();
  let timer: ReturnType<typeof setTimeout>;
  const next = () => {
    timer = setTimeout(() => {
      look = lost.look().catch((error) => {
        // While the database is away everything else says so.
        if (!(error instanceof Unavailable)) {
          log(`lost jobs: ${withoutNames(error)}`, { level: "error" });
        }
      }).then(() => {
        if (!stopped) next();
      });
    }, LOST_MS);
  };
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await look;
    },
  };
}

/**
 * Whether the files of a cluster have a place, and this database's; one that is away is waited for: what would go
 * there is refused until then.
 */
async function lookAtBucket({ cluster }: Store, log: Services["log"]): Promise<void> {
  try {
    await cluster?.owner.check();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    log(`${error.message}: uploads are refused until it is back`, { level: "warning" });
  }
}

/** Runs until a signal comes, or until the process that started this one is gone. */
export async function serve(config: Config): Promise<void> {
  const log = logger(config.log, { process: "api" });
  const store = await openStore(config.data, { cluster: config.cluster });
  await lookAtBucket(store, log);
  store.announce(config.codeVersion);
  store.files.onReplaced = log;
  const { files, checkpoints, returned } = store.setAside ?? nothing;
  if (files + checkpoints > 0) {
    log(
      `Nothing in the database refers to ${counted(files, "file")} and ` +
        `${counted(checkpoints, "checkpoint")}: set aside for a week ` +
        `in ${config.data}/aside`,
    );
  }
  if (returned > 0) {
    log(
      `Back from those that were set aside: ${
        counted(returned, "file or checkpoint", "files and checkpoints")
      }`,
    );
  }
  if (store.atRest === "changed") log(CHANGED_AT_REST);
  if (store.logDamage !== undefined) {
    log(
      `The log of the database, mcgip.db-wal, is not whole (${store.logDamage}): what was written last before the ` +
        `server was cut off may be lost; both are kept for a week in ${config.data}/aside/databases`,
    );
  }
  if (store.olderDatabase !== undefined) {
    log(
      `The database was brought up to this version; as it was before it is kept for a week, for whoever goes back: ` +
        store.olderDatabase,
    );
  }
  // The first writes of a start; on a full disk they take the room that is kept.
  const keyring = await store.reserve.freeing(async () => {
    // In a cluster they may be other servers'; leases end by themselves.
    if (!store.cluster) await store.jobs.releaseOrphans();
    return await Keyring.open(store, config.apiKey);
  });
  if (config.apiKey !== undefined && keyring.otherAdmins() > 0) {
    log(
      `Besides MCGIP_API_KEY another way in is open to administrators, by ` +
        `${counted(keyring.otherAdmins(), "key")}: see /v1/keys`,
    );
  }
  const { cluster } = store;
  const notifier = new JobNotifier(cluster && ((job) => cluster.tell(CHANGED, job)));
  const isStale = checkoutWatch(config.checkout);
  const desk = (name: string) => {
    const made = new StoreDesk(store, name, (job, ended) => {
      notifier.emit(job);
      if (ended) studies.wake();
    }, log);
    made.isStale = isStale;
    return made;
  };
  const command = { path: Deno.execPath(), args: workerArguments(config) };
  const version = config.codeVersion;
  // Of one machine there is nothing to tell apart.
  const label = cluster ? hostname() : undefined;
  const supervisor = new Supervisor({ command, desk, label, version, isStale, log });
  const workers = new Workers(supervisor, {
    ...{ store, desk, version, log },
    objection: (key_id) => keyring.objection(key_id, "work"),
  });
  const studies = new StudyKeeper({
    store,
    changed(jobs) {
      for (const job of jobs) notifier.emit(job);
      workers.notify("wake");
    },
    log,
  });
  const lost = new LostJobs(store, (job) => {
    notifier.emit(job);
    studies.wake();
    supervisor.notify("wake");
  }, log);
  const leaving = new AbortController();
  const house = keepHouse(store, log);
  // What a server before this one has deleted.
  house.written();
  const places = new Places(store);
  await places.start();
  const services: Services = {
    config,
    store,
    workers,
    studies,
    notifier,
    keyring,
    limiter: new RateLimiter(),
    traffic: new Traffic(),
    loop: new EventLoopWatch(),
    places,
    log,
    written: house.written,
    leaving: leaving.signal,
  };
  const server = createAdaptorServer({
    fetch: createApp(routes, services).fetch,
    // Responses keep text and bytes as they are: the runtime's own make a stream of them, which is read again.
    overrideGlobalObjects: true,
    // Bodies have a time limit of their own: an upload may take long as long as it comes.
    serverOptions: {
      headersTimeout: 10_000,
      requestTimeout: 0,
      keepAliveTimeout: 15_000,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: 16_384,
    },
  });
  const underWay = new UnderWay(server as Server);
  acceptWorkers(server as Server, services);
  // Below the limit of file handles, at which a listener stops accepting for good.
  const { connections } = config;
  if (connections !== undefined) server.maxConnections = connections;
  const backlog = connections === undefined ? undefined : waitingLimit(connections);
  const listening = new Promise<void>((resolve, reject) => {
    server.once(
      "error",
      (error: Error) =>
        reject(
          new Error(
            `Cannot listen on ${config.host}:${config.port}: ${error.message}${whatToDo(error)}`,
          ),
        ),
    );
    server.listen({ port: config.port, host: config.host, backlog }, () => resolve());
  });
  try {
    await listening;
  } catch (error) {
    // Nobody has seen it: the next start makes another.
    if (keyring.created) await keyring.forgetCreated();
    throw error;
  }
  const { port } = server.address() as { port: number };
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  if (config.workers > 0) supervisor.start();
  studies.start();
  const looking = lookFor(lost, log);
  const ending = cluster ? joinCluster(store, { keyring, notifier, workers, log }) : undefined;

  const leave = async (ms: number, linger: number) => {
    if (leaving.signal.aborted) return;
    leaving.abort();
    house.stop();
    places.stop();
    server.close();
    const answered = underWay.ended(linger);
    workers.stop();
    ending?.();
    await looking.stop();
    await studies.stop();
    await supervisor.stop(ms);
    await answered;
    await store.close();
    Deno.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!leaving.signal.aborted) {
        log(`Leaving, by ${signal}: running jobs are saved first`, { signal });
      }
      void leave(LEAVE_MS, LINGER_MS);
    });
  }
  // Only now a signal lets it leave in order.
  announce(config, `http://${host}:${port}`, keyring.created, log);
  // The launcher holds the other end of the standard input: its end is the launcher's end.
  for await (const _ of Deno.stdin.readable);
  if (!leaving.signal.aborted) {
    log(
      `Leaving: the launcher, which started this process, is gone; running jobs have ${
        ORPHAN_MS / 1000
      } s to be saved`,
    );
  }
  // Whoever starts another one waits for the directory.
  await leave(ORPHAN_MS, 0);
}
