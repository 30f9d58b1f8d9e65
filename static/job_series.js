/** The series of a job as they grow: thinned out by the server to begin with, then only what is new. */
import { get } from "./api.js";

/** Points of a series that are asked for; more than a chart has pixels. */
const POINTS = 2000;
/** With so many the server is asked to thin them out again. */
const MOST = 20_000;

export class JobSeries {
  #path;
  #signal;
  /** @type {Map<string, {steps: number[], values: (number | null)[]}>} */
  #byName = new Map();
  #last = -1;

  /** @param {string} path of the job */
  constructor(path, signal) {
    this.#path = path;
    this.#signal = signal;
  }

  get names() {
    return [...this.#byName.keys()];
  }

  /** The last step that something is known of; -1 before the first. */
  get last() {
    return this.#last;
  }

  /** Reads all anew. */
  async readAll() {
    const { data } = await get(`${this.#path}/metrics?points=${POINTS}`, this.#signal);
    this.#byName.clear();
    this.#last = -1;
    this.#add(data);
  }

  /** Whether there was something new. */
  async readNew() {
    const { data } = await get(`${this.#path}/metrics?after_step=${this.#last}`, this.#signal);
    this.#add(data);
    if ([...this.#byName.values()].some(({ steps }) => steps.length > MOST)) await this.readAll();
    return data.length > 0;
  }

  #add(rows) {
    for (const { step, name, value } of rows) {
      if (!this.#byName.has(name)) this.#byName.set(name, { steps: [], values: [] });
      const { steps, values } = this.#byName.get(name);
      steps.push(step);
      values.push(value);
      if (step > this.#last) this.#last = step;
    }
  }

  /** The newest value of a series. */
  newest(name) {
    return this.#byName.get(name)?.values.at(-1);
  }

  /** @returns {[number[], (number | null)[]]} */
  of(name) {
    const { steps, values } = this.#byName.get(name) ?? { steps: [], values: [] };
    return [steps, values];
  }
}

/** Steps of several series together, and the values of each there: as a chart takes them. */
export function joined(tables) {
  if (tables.length === 0) return [[]];
  return globalThis.uPlot.join(tables);
}
