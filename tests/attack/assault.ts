/** One request of an attack, and what may not come of it, whatever was sent. */
import type { Attempt } from "./scenario.ts";
import { alive, type Victim } from "./victim.ts";

export interface Shot {
  method: string;
  path: string;
  body?: Uint8Array<ArrayBuffer> | string;
  type?: string;
  headers?: Record<string, string>;
  /** For messages: which file, which mutation. */
  what: string;
  /** Answers of a server's own fault that are right here: 503 under a flood, 507 on a full disk. */
  expected?: number[];
}

/** Slower than this, ms, at nothing else to do, is harm. */
const PATIENCE_MS = 10_000;

/** Sends requests to a victim and holds every answer to what is promised of all; starts it again if it fell. */
export class Assault {
  slowest = { ms: 0, what: "" };
  readonly statuses = new Map<number, number>();
  #pids: number[];

  private constructor(readonly attempt: Attempt, readonly victim: Victim) {
    this.#pids = pidsOf(victim);
  }

  static on(attempt: Attempt, victim: Victim): Assault {
    return new Assault(attempt, victim);
  }

  /** The answer's status and text; status 0 where none came. */
  async fire(shot: Shot): Promise<{ status: number; text: string }> {
    const { method, path, body, type, headers, what, expected = [] } = shot;
    const { attempt, victim } = this;
    attempt.tried();
    const started = performance.now();
    let status = 0;
    let text = "";
    // A refusal by a protocol's own form.
    let foreign = false;
    try {
      const answer = await victim.fetch(path, {
        method,
        body,
        headers: { ...(type ? { "content-type": type } : {}), ...headers },
      });
      status = answer.status;
      foreign = answer.headers.get("content-type") === "application/dicom+json";
      text = await answer.text();
    } catch (error) {
      text = String(error);
      attempt.harm(`${what}: no answer to ${method} ${path}: ${text}`);
    }
    const ms = performance.now() - started;
    if (ms > this.slowest.ms) this.slowest = { ms, what };
    if (ms > PATIENCE_MS * attempt.slowness) {
      attempt.harm(`${what}: answered after ${(ms / 1000).toFixed(1)} s`);
    }
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status >= 500 && !expected.includes(status)) {
      attempt.harm(`${what}: ${method} ${path} -> ${status} ${text.slice(0, 200)}`);
    }
    if (status >= 400 && method !== "HEAD" && !foreign && !isProblem(text, status)) {
      attempt.harm(`${what}: ${status} without a word of why: ${text.slice(0, 100)}`);
    }
    if (text.includes(victim.data)) attempt.harm(`${what}: the answer tells the data directory`);
    await this.standing(what);
    return { status, text };
  }

  /** Harm where a process has ended; the victim is up again afterwards. */
  async standing(what: string): Promise<void> {
    if (this.#pids.every(alive) && !this.victim.over) return;
    this.attempt.harm(`${what}: a process of the server ended\n${this.victim.log.slice(-600)}`);
    if (this.victim.over) await this.victim.start();
    await this.victim.ready(60_000);
    this.#pids = pidsOf(this.victim);
  }

  summary(): string {
    const statuses = [...this.statuses].sort(([a], [b]) => a - b)
      .map(([status, count]) => `${count} x ${status}`).join(", ");
    return `${statuses}; slowest ${(this.slowest.ms / 1000).toFixed(2)} s (${this.slowest.what})`;
  }
}

const pidsOf = (victim: Victim) => Object.values(victim.pids()).filter((pid) => pid !== undefined);

function isProblem(text: string, status: number): boolean {
  try {
    const problem = JSON.parse(text);
    return problem.status === status && typeof problem.detail === "string" &&
      problem.detail.length > 0;
  } catch {
    return false;
  }
}
