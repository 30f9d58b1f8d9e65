/** The strip of a data set's six steps, each with its state in words. */
import { stepLink } from "./address.js";
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { count, number } from "./format.js";

const STEPS = [
  ["data", "Data"],
  ["gaze", "Gaze"],
  ["pairs", "Pairs"],
  ["training", "Training"],
  ["results", "Results"],
  ["try", "Try"],
];

/** What is to be said of each step. @param {any} set summary @param {any} made overview */
function words(set, made) {
  const { similarities, models, jobs, evaluations, studies, predictions } = made;
  const busy = jobs.running + jobs.queued;
  return {
    data: set.patients
      ? `${count(set.images, "image")}, ${count(set.patients, "patient")}`
      : count(set.images, "image"),
    gaze: set.gaze.images === 0
      ? "none yet"
      : `${count(set.gaze.recordings, "scanpath")}, ${Math.round(100 * set.gaze.coverage)} %`,
    pairs: similarities.count === 0
      ? set.gaze.images === 0 ? "needs gaze" : "nothing compared yet"
      : similarities.count === 1
      ? similarities.newest.measure
      : `${similarities.newest.measure} and ${similarities.count - 1} more`,
    training: busy > 0
      ? `${count(jobs.running, "running", "running")}, ${number(jobs.queued)} waiting`
      : models.pretrained + models.classifiers === 0
      ? "no runs yet"
      : count(models.pretrained + models.classifiers, "model"),
    results: studies.count > 0
      ? `${count(studies.count, "study", "studies")}, ${count(evaluations, "evaluation")}`
      : evaluations > 0
      ? count(evaluations, "evaluation")
      : "none yet",
    try: models.classifiers === 0
      ? "needs a classifier"
      : predictions > 0
      ? count(predictions, "prediction")
      : count(models.classifiers, "classifier"),
  };
}

/** Of the data set that is shown. */
let shown = "";

/**
 * @param {HTMLElement} strip
 * @param {string | undefined} name of the data set; undefined hides the strip
 * @param {string | undefined} current step
 */
export function drawSteps(strip, name, current) {
  strip.hidden = name === undefined;
  if (name === undefined) {
    shown = "";
    return;
  }
  if (shown !== name) {
    shown = name;
    fill(
      strip,
      h(
        "ol",
        {},
        STEPS.map(([step, title], index) =>
          h(
            "li",
            {},
            h(
              "a",
              { href: stepLink(name, step), data: { step } },
              h("span", { class: "step-title" }, h("b", {}, index + 1), ` ${title}`),
              h("small", {}, "\u00a0"),
            ),
          )
        ),
      ),
    );
  }
  for (const step of strip.querySelectorAll("a")) {
    const here = step.dataset.step === current;
    if (here) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
    // On a phone the strip scrolls: the step that is shown comes into sight.
    if (here) strip.firstElementChild.scrollLeft = step.parentElement.offsetLeft - 16;
  }
}

/** Writes the states into the strip. @param {Promise<any>} set summary of the data set */
export async function tellSteps(strip, name, set, signal) {
  const made = get(`/v1/datasets/${encodeURIComponent(name)}/overview`, signal);
  made.catch(() => {});
  const told = words(await set, await made);
  if (signal.aborted) return;
  for (const step of strip.querySelectorAll("a")) {
    step.querySelector("small").textContent = told[step.dataset.step];
  }
}
