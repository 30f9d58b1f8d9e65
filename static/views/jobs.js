/** Names and states of jobs, as the views of single things show them. */
import { jobName } from "../names.js";
import { progressOf, stateChip } from "../parts.js";

export const describe = (job) => jobName(job);
export const progressBar = (job) => progressOf(job) ?? "";
export { stateChip };
