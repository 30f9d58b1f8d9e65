/**
 * The bounds of everything that runs beside the main thread, in one table. Processor time is what the
 * thread itself uses, so a busy machine makes a task slower and not wrong; how much memory tasks may
 * have together is in `admission.ts`.
 */

export interface Limits {
  /** What a task does, for messages: "Cannot <doing>: …". */
  doing: string;
  /** Threads at most. */
  threads: number;
  /** Tasks that may wait for a thread or for memory, and how long; what a client that is sent away is told to wait, s. */
  waiting: number;
  waitMs: number;
  retrySeconds: number;
  /** Processor time of a task: ms, and ms more for every unit of its size. */
  cpuMs: number;
  cpuMsPerUnit: number;
  /** What the size of a task counts. */
  unit: "megapixel" | "megabyte" | "million pairs" | "thousand vectors";
  /** JavaScript objects of a thread, MB; a task that needs more is ended. Buffers count in its `memory`. */
  heapMb: number;
  /** A thread without work is kept this long. */
  idleMs: number;
  /** How long a task that is called off may take to leave things in order; 0 ends its thread at once. */
  graceMs: number;
  /** Its tasks have others do tasks, and wait for them. */
  delegates: boolean;
}

const seconds = 1000;
const minutes = 60 * seconds;
const cores = Math.max(1, navigator.hardwareConcurrency);

export const limits = {
  /** Starting takes longer than most pictures, so these threads stay a while. */
  picture: {
    doing: "decode the picture",
    threads: Math.min(4, cores) + 1,
    waiting: 256,
    waitMs: 30 * seconds,
    retrySeconds: 2,
    cpuMs: 5 * seconds,
    // JPEG 2000 takes most: under 2 s for each on a busy machine.
    cpuMsPerUnit: 4 * seconds,
    unit: "megapixel",
    heapMb: 512,
    idleMs: 5 * seconds,
    graceMs: 0,
    delegates: false,
  },
  /** Its pictures are tasks of their own. */
  import: {
    doing: "import the archive",
    threads: 2,
    waiting: 0,
    waitMs: 0,
    retrySeconds: 5,
    cpuMs: 5 * minutes,
    cpuMsPerUnit: seconds,
    unit: "megabyte",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 30 * seconds,
    delegates: true,
  },
  synthetic: {
    doing: "make a set up",
    threads: 1,
    waiting: 4,
    waitMs: 30 * seconds,
    retrySeconds: 5,
    cpuMs: 60 * seconds,
    cpuMsPerUnit: 0,
    unit: "megabyte",
    heapMb: 512,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  gaze: {
    doing: "read the gaze file",
    threads: 2,
    waiting: 16,
    waitMs: 30 * seconds,
    retrySeconds: 5,
    cpuMs: 30 * seconds,
    cpuMsPerUnit: 2 * seconds,
    unit: "megabyte",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  /** One writes at a time. */
  edit: {
    doing: "change the data set",
    threads: 1,
    waiting: 16,
    waitMs: 30 * seconds,
    retrySeconds: 2,
    cpuMs: 30 * seconds,
    cpuMsPerUnit: seconds,
    unit: "megabyte",
    heapMb: 512,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  readings: {
    doing: "read the readers' decisions",
    threads: 1,
    waiting: 16,
    waitMs: 30 * seconds,
    retrySeconds: 2,
    cpuMs: 10 * seconds,
    cpuMsPerUnit: 2 * seconds,
    unit: "megabyte",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  audit: {
    doing: "audit the similarity",
    threads: 1,
    waiting: 32,
    waitMs: 2 * minutes,
    retrySeconds: 5,
    cpuMs: 60 * seconds,
    cpuMsPerUnit: 20 * seconds,
    unit: "million pairs",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  drawing: {
    doing: "draw the gaze",
    threads: 1,
    waiting: 256,
    waitMs: 30 * seconds,
    retrySeconds: 1,
    cpuMs: 10 * seconds,
    cpuMsPerUnit: 5 * seconds,
    unit: "megapixel",
    heapMb: 512,
    idleMs: 10 * seconds,
    graceMs: 0,
    delegates: false,
  },
  log: {
    doing: "empty the database's log",
    threads: 1,
    waiting: 4,
    waitMs: 60 * seconds,
    retrySeconds: 5,
    cpuMs: 60 * seconds,
    cpuMsPerUnit: 0.1 * seconds,
    unit: "megabyte",
    heapMb: 128,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  /** A client sends one request after the other, so the thread stays a while. */
  tensor: {
    doing: "read the request's tensors",
    threads: 2,
    waiting: 64,
    waitMs: 30 * seconds,
    retrySeconds: 1,
    cpuMs: 10 * seconds,
    cpuMsPerUnit: seconds,
    unit: "megabyte",
    heapMb: 1024,
    idleMs: 10 * seconds,
    graceMs: 0,
    delegates: false,
  },
  weights: {
    doing: "read these weights",
    threads: 2,
    waiting: 8,
    waitMs: 60 * seconds,
    retrySeconds: 2,
    cpuMs: 30 * seconds,
    cpuMsPerUnit: 0.2 * seconds,
    unit: "megabyte",
    heapMb: 512,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  projection: {
    doing: "lay pictures out",
    threads: 2,
    waiting: 8,
    waitMs: 60 * seconds,
    retrySeconds: 2,
    cpuMs: 30 * seconds,
    cpuMsPerUnit: 20 * seconds,
    unit: "thousand vectors",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  difference: {
    doing: "compare evaluations",
    threads: 2,
    waiting: 16,
    waitMs: 30 * seconds,
    retrySeconds: 2,
    cpuMs: 60 * seconds,
    cpuMsPerUnit: 0,
    unit: "megabyte",
    heapMb: 512,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  readerStudy: {
    doing: "analyse the readers' decisions",
    threads: 1,
    waiting: 16,
    waitMs: 30 * seconds,
    retrySeconds: 5,
    cpuMs: 2 * minutes,
    cpuMsPerUnit: 0,
    unit: "megabyte",
    heapMb: 2048,
    idleMs: 0,
    graceMs: 0,
    delegates: false,
  },
  /** A study has one made whenever a cell is done. */
  table: {
    doing: "make the table of the study",
    threads: 1,
    waiting: 8,
    waitMs: 10 * minutes,
    retrySeconds: 5,
    cpuMs: 10 * minutes,
    cpuMsPerUnit: 0,
    unit: "megabyte",
    heapMb: 2048,
    idleMs: 10 * seconds,
    graceMs: 0,
    delegates: false,
  },
} as const satisfies Record<string, Limits>;
