/** Server and keys: what it runs on, how it is, who may ask for what. */
import { link } from "../address.js";
import { call, get, post } from "../api.js";
import { card, facts, field, fill, h, pageHead, table } from "../dom.js";
import { bytes, number, time } from "../format.js";
import { attempt, notice } from "../notice.js";
import { ask, banner, chip, showDialog } from "../parts.js";

const SCOPES = {
  read: "look at everything",
  write: "upload, train, predict, delete",
  admin: "make and remove keys",
};

const EVERY_MS = 5000;

export async function show({ signal }) {
  const state = h("div", { class: "stack" });
  const keys = h("div", { class: "stack" });
  await Promise.all([tellState(state, signal), tellKeys(keys, signal)]);
  const timer = setInterval(
    () => document.hidden || tellState(state, signal).catch(() => {}),
    EVERY_MS,
  );
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return [
    pageHead("Server and keys"),
    state,
    card("Keys", keys),
    card(
      "More",
      h(
        "p",
        {},
        h("a", { href: "/docs" }, "The API, described"),
        ", ",
        h("a", { href: "/openapi.json" }, "as JSON"),
      ),
      h(
        "p",
        {},
        "The client for Python: ",
        h("a", { href: "/mcgip.py" }, "mcgip.py"),
        ", a notebook: ",
        h("a", { href: "/mcgip.ipynb" }, "mcgip.ipynb"),
      ),
    ),
  ];
}

async function tellState(area, signal) {
  const [device, workers, jobs, figures] = await Promise.all([
    get("/v1/device", signal),
    get("/v1/workers", signal),
    get("/v1/jobs?limit=1&fields=id", signal),
    call("GET", "/metrics", { signal, accept: "text/plain" }).then((response) => response.text())
      .catch(() => ""),
  ]);
  const figure = (name) => {
    const line = figures.split("\n").find((line) => line.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.split(" ")[1]);
  };
  const version = figures.match(/mcgip_build_info\{version="([^"]*)"\}/)?.[1];
  const { totals = {} } = jobs;
  fill(
    area,
    device.detail !== null &&
      (device.gpu
        ? banner("warn", "Jobs run, nothing can be predicted here", device.detail)
        : banner("bad", "Nothing can be trained or predicted", device.detail)),
    card(
      "State",
      facts([
        ["Server", device.gpu ? chip("ready", "good") : chip("not ready", "bad")],
        ["Version", version],
        ["GPU", device.gpu?.description || device.gpu?.device || "none"],
        ["Speed", device.software ? "computes in software: slow" : null],
        ["Worker’s memory", bytes(device.worker.memory)],
        ["Worker’s restarts", number(device.worker.restarts)],
        ["Disk, free", bytes(figure("mcgip_disk_free_bytes"))],
        ["Waiting jobs", number(totals.queued ?? 0)],
        ["Running", number(totals.running ?? 0)],
        [
          "Half precision",
          device.features.f16 === undefined
            ? null
            : device.features.f16
            ? "can be used"
            : "not on this GPU",
        ],
      ]),
    ),
    card("Workers", listWorkers(workers.data)),
  );
}

/** Who computes: the server's own worker, those on other machines, and those that only the database tells of. */
function listWorkers(workers) {
  if (workers.length === 0) {
    return h(
      "p",
      { class: "hint" },
      "None: the server has none of its own, and no other is linked.",
    );
  }
  const heard = ({ beat_seconds }) =>
    beat_seconds === null ? "not yet" : `${number(Math.round(beat_seconds))} s ago`;
  return table(
    [
      {
        head: "Name",
        cell: (one) => h("span", { title: one.name }, one.local ? "the server’s own" : one.label),
      },
      {
        head: "GPU",
        cell: (one) => one.gpu?.description || one.gpu?.device || one.detail || "none",
      },
      {
        head: "State",
        cell: (one) =>
          h(
            "span",
            { class: "chips", title: one.detail ?? null },
            one.ready ? chip("ready", "good") : chip("not ready", "bad"),
            one.ready && !one.predicts && chip("jobs only"),
          ),
      },
      {
        head: "Job",
        cell: (one) => one.job ? h("a", { href: link(["jobs", one.job]) }, one.job) : "none",
      },
      { head: "Key", cell: (one) => one.key ?? "none", optional: true },
      { head: "Since", cell: (one) => time(one.since), optional: true },
      { head: "Memory", cell: (one) => bytes(one.memory), number: true, optional: true },
      { head: "Heard of", cell: heard, number: true, optional: true },
    ],
    workers,
    { label: "Workers" },
  );
}

async function tellKeys(area, signal) {
  let keys;
  try {
    keys = (await get("/v1/keys?limit=1000", signal)).data;
  } catch (error) {
    return fill(
      area,
      h("p", { class: "hint" }, `${error.message}. A key with the scope “admin” is needed.`),
    );
  }
  const remove = (one) => {
    const button = h("button", { type: "button", class: "danger" }, "Remove");
    button.addEventListener("click", () =>
      attempt(button, async () => {
        const sure = await ask({
          title: `Remove the key “${one.name}”?`,
          text: "Whoever uses it is refused from now on.",
          action: "Remove it",
          danger: true,
        });
        if (!sure) return;
        await call("DELETE", `/v1/keys/${one.id}`);
        notice(`The key “${one.name}” is removed.`);
        await tellKeys(area, signal);
      }));
    return button;
  };
  fill(
    area,
    table(
      [
        { head: "Name", cell: ({ name }) => name },
        {
          head: "May",
          cell: ({ scopes }) => h("span", { class: "chips" }, scopes.map((scope) => chip(scope))),
        },
        { head: "Made", cell: ({ created_at }) => time(created_at), optional: true },
        { head: "Remove", cell: remove },
      ],
      keys,
      { label: "Keys" },
    ),
    makeKey(() => tellKeys(area, signal)),
  );
}

function makeKey(changed) {
  const button = h("button", { type: "submit", class: "primary" }, "Make a key");
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    const scopes = Object.keys(SCOPES).filter((scope) => form.elements[scope].checked);
    attempt(button, async () => {
      const made = await post("/v1/keys", { name: form.elements.name.value, scopes });
      showDialog(
        "The new key",
        h("p", {}, "It is shown this once. Keep it where only its user can read it."),
        h("pre", { tabindex: "0" }, made.key),
      );
      form.reset();
      await changed();
    });
  };
  return h(
    "details",
    {},
    h("summary", {}, "Make another key"),
    h(
      "form",
      { class: "form", on: { submit } },
      field(
        "Name",
        h("input", { name: "name", required: true, maxlength: "200" }),
        "Who or what uses it",
      ),
      h(
        "div",
        { class: "row" },
        Object.entries(SCOPES).map(([scope, text]) =>
          h(
            "label",
            { class: "check" },
            h("input", { type: "checkbox", name: scope, checked: scope === "read" }),
            `${scope}: ${text}`,
          )
        ),
      ),
      h("div", { class: "row" }, button),
    ),
  );
}
