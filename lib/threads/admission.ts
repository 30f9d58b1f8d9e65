/**
 * Who may start: one list of waiting tasks over all pools of a process, and one budget of memory.
 * The oldest come first. A task that does not fit yet lets smaller ones pass, for a while.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { machineMemory } from "@/lib/machine_memory.ts";

export interface Applicant {
  /** Bytes that the task needs beside its thread, estimated. */
  memory: number;
  /** A task that waits for others: its own memory does not keep a large one from running alone. */
  parent: boolean;
  /** Whether a thread is there for it. */
  ready(): boolean;
  /** It has its memory now; whoever is admitted leaves. */
  start(): void;
}

/** A task that has waited this long is not passed by any more, ms. */
const PATIENCE_MS = 5000;

const MiB = 2 ** 20;

/** Bytes for tasks together, and for the largest one, which then runs alone. */
export interface Budget {
  together: number;
  largest: number;
}

/** An eighth of the machine's memory, at most 1 GiB; half of it for a single task. */
function budgetOf(total: number): Budget {
  const together = Math.max(128 * MiB, Math.min(1024 * MiB, total / 8));
  return { together, largest: Math.max(together, total / 2) };
}

export class Admission {
  readonly #budget: Budget;
  readonly #waiting: { applicant: Applicant; since: number }[] = [];
  #used = 0;
  /** Running tasks that are no parents. */
  #leaves = 0;

  constructor(budget: Budget = budgetOf(machineMemory())) {
    this.#budget = budget;
  }

  /** Bytes that running tasks have. */
  get used(): number {
    return this.#used;
  }

  /** Throws InvalidInput, with the numbers, for a task that is larger than anything may be. */
  enter(applicant: Applicant, doing: string): void {
    const { memory } = applicant;
    const { largest } = this.#budget;
    if (!(memory <= largest)) {
      const inMiB = (bytes: number) => `${Math.ceil(bytes / MiB)} MiB`;
      throw new InvalidInput(
        `Cannot ${doing}: it needs about ${inMiB(memory)} of memory, ` +
          `${inMiB(largest)} are the most that one task gets on this machine`,
      );
    }
    this.#waiting.push({ applicant, since: performance.now() });
    this.admit();
  }

  /** One that waits no more. */
  withdraw(applicant: Applicant): void {
    const at = this.#waiting.findIndex((one) => one.applicant === applicant);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.admit();
  }

  /** One that has ended. */
  leave({ memory, parent }: Applicant): void {
    this.#used -= memory;
    if (!parent) this.#leaves--;
    this.admit();
  }

  /** Starts whoever can. */
  admit(): void {
    let kept = false;
    for (const { applicant, since } of [...this.#waiting]) {
      if (!applicant.ready() || (kept && applicant.memory > 0)) continue;
      if (this.#fits(applicant)) {
        this.#waiting.splice(this.#waiting.findIndex((one) => one.applicant === applicant), 1);
        this.#used += applicant.memory;
        if (!applicant.parent) this.#leaves++;
        applicant.start();
      } else if (performance.now() - since > PATIENCE_MS) kept = true;
    }
  }

  #fits({ memory, parent }: Applicant): boolean {
    return this.#used + memory <= this.#budget.together || this.#used === 0 ||
      (!parent && this.#leaves === 0);
  }
}

/** The process's own. */
export const admission = new Admission();
