/** The same tasks under another name, for those that tasks ask for. */
import "./task_worker.ts";
