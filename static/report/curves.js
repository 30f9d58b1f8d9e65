/** Curves and confusion of a study's rows. Classic, between `charts.js` and `report.js`; `McgipCurves` holds them. */
(() => {
  const { h, fixed, percent, drawing, unitChart } = globalThis.McgipCharts;

  /** What kind of row it is, for its colour. */
  const kindOf = ({ arm }) => arm === "gaze" ? "gaze" : arm === "shuffled" ? "shuffled" : "plain";

  const cellOf = (study, row, backbone) =>
    study.cells.find((cell) => cell.row === row.key && cell.backbone === backbone);

  function section(title, ...content) {
    return h("section", { class: "report-card" }, h("h2", {}, title), content);
  }

  /** @param {(row: any) => string} [more] what stands behind a row's name */
  function legend(rows, more = () => "") {
    return h(
      "p",
      { class: "report-legend" },
      rows.map((row) => h("span", {}, h("i", { class: kindOf(row) }), `${row.name}${more(row)}`)),
      h("span", {}, h("i", { class: "chance" }), "chance"),
    );
  }

  /** ROC, precision-recall and calibration of the rows of one method. */
  function curvesOf({ study, report }, backbone, method) {
    const rows = study.rows.filter((row) => row.method === method);
    const found = rows.flatMap((row) => {
      const made = report.rows.find((one) => one.row === row.key && one.backbone === backbone);
      return made ? [{ row, made }] : [];
    });
    if (found.length === 0) return [];
    if (report.class === null) {
      const said = report.warnings ?? [];
      return [section("Curves", said.map((text) => h("p", { class: "report-warn" }, text)))];
    }
    const of = (name) =>
      found.flatMap(({ row, made }) =>
        made[name] ? [{ name: row.name, kind: kindOf(row), band: made[name] }] : []
      );
    const { base_rate, images } = found[0].made;
    const runs = Math.max(0, ...found.map(({ made }) => made.roc?.n ?? 0));
    const positives = base_rate === null ? null : Math.round(base_rate * images);
    const few = positives !== null && Math.min(positives, images - positives) < 10;
    const over = runs > 1
      ? `Mean, and band from the least to the greatest of ${runs} runs`
      : "One run: no band can be told";
    const note = `${over}; ${images} images, ${positives} of them ${report.class}.`;
    const shown = found.map(({ row }) => row);
    /** The figure is of the positive label: of another class's curve it says nothing. */
    const auc = (row) => {
      const figure = cellOf(study, row, backbone)?.figures.m_auc;
      return figure && report.class === study.positive_label ? `, AUC ${fixed(figure.mean)}` : "";
    };
    const warning = few &&
      h("p", { class: "report-warn" }, "Of so few images a curve is a staircase.");
    return [
      section(
        `ROC of “${report.class}”, band over runs`,
        legend(shown, auc),
        drawing(
          "roc",
          unitChart("ROC curves", of("roc"), {
            x: "1 − specificity",
            y: "sensitivity",
            diagonal: true,
          }),
        ),
        h("p", { class: "report-note" }, note),
        warning,
      ),
      section(
        "Precision and recall",
        legend(shown),
        drawing(
          "precision-recall",
          unitChart("Precision-recall curves", of("precision_recall"), {
            x: "recall",
            y: "precision",
            level: base_rate,
          }),
        ),
        h(
          "p",
          { class: "report-note" },
          `Dashed: the base rate, ${base_rate === null ? "–" : percent(base_rate)}.`,
        ),
      ),
      section(
        "Calibration",
        legend(shown),
        drawing(
          "calibration",
          unitChart(
            "Calibration",
            found.map(({ row, made }) => ({
              name: row.name,
              kind: kindOf(row),
              points: made.calibration,
            })),
            { x: `probability of ${report.class}`, y: "share that it was", diagonal: true },
          ),
        ),
        h("p", { class: "report-note" }, "On the dashed line a probability means what it says."),
      ),
    ];
  }

  function confusionOf({ study, report }, row, backbone, ways) {
    const made = report.rows.find((one) => one.row === row.key && one.backbone === backbone);
    if (!made) return null;
    const { classes } = report;
    const cell = cellOf(study, row, backbone);
    const most = Math.max(1, ...made.confusion.flat());
    return section(
      `Confusion of ${row.name}, all runs together`,
      h(
        "table",
        { class: "report-confusion" },
        h(
          "caption",
          {},
          "Row: truth. Column: what was said.",
          ways.casesLink && " A cell opens its images, each once, whatever the number of runs.",
        ),
        h(
          "thead",
          {},
          h("tr", {}, h("td", {}), classes.map((name) => h("th", { scope: "col" }, name))),
        ),
        h(
          "tbody",
          {},
          classes.map((name, truth) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, name),
              made.confusion[truth].map((count, said) =>
                h(
                  "td",
                  {
                    class: `level-${Math.round(4 * count / most)}${truth === said ? " right" : ""}`,
                  },
                  count > 0 && ways.casesLink
                    ? h("a", {
                      href: ways.casesLink(cell.evaluations, name, classes[said]),
                      "aria-label": `${count}: ${name}, said to be ${classes[said]}`,
                    }, count)
                    : count,
                )
              ),
            )
          ),
        ),
      ),
      ways.runLink && h(
        "p",
        { class: "report-note" },
        "Pictures behind the cells: ",
        cell.runs.map((run, i) => [
          i > 0 && " · ",
          h("a", { href: ways.runLink(cell.evaluations[i]) }, `${study.run_kind} ${run}`),
        ]),
      ),
    );
  }

  globalThis.McgipCurves = { kindOf, cellOf, section, curvesOf, confusionOf };
})();
