/**
 * Draws the results of a study: the verdict, the table, every run, the images behind them. A classic script (after
 * `charts.js` and `curves.js`), because it serves twice: the dashboard's page of a study, and the page that `GET /v1/studies/ID/export`
 * packs, which is opened from the disk, where no modules are allowed.
 *
 * `McgipReport.draw(data, ways)` gives an element.
 * `data`: `{study, report, tables}` as the server answers them; `tables` by ending (csv, md, tex).
 * `ways`: `{picture(image, alt), imageLink(image), runLink(evaluation), casesLink(evaluations, truth, predicted), settings,
 * chosen, onChoose}`, all but the first may be absent.
 */
(() => {
  const { h, s, fixed, signed, percent, range, save, drawing, ticksOf } = globalThis.McgipCharts;
  const { kindOf, cellOf, section, curvesOf, confusionOf } = globalThis.McgipCurves;
  const FIGURES = [["m_auc", "M-AUC"], ["auc", "AUC"], ["accuracy", "ACC"]];

  const isOfTwo = ({ cells }) => cells.some(({ classes }) => classes === 2);

  /** A figure's name as the published tables have it: with two classes M-AUC is the AUC. */
  function nameOf(figure, study) {
    const [, name] = FIGURES.find(([one]) => one === figure);
    return figure === "m_auc" && isOfTwo(study) ? "AUC" : name;
  }

  /** Figures that are worth a column. */
  function figuresOf(study) {
    const has = (name) => study.cells.some(({ figures }) => figures[name]);
    const twice = isOfTwo(study) && has("m_auc");
    return FIGURES.filter(([name]) => has(name) && !(name === "auc" && twice))
      .map(([name]) => [name, nameOf(name, study)]);
  }

  const TONE = { gain: "good", loss: "bad", mixed: "plain", too_few: "warn", not_told: "warn" };

  function verdictOf({ study }) {
    const { verdict } = study;
    const against = verdict.control === "shuffled" ? "as many shuffled pairs" : "no gaze";
    const compared = verdict.comparisons.filter(({ interval }) => interval).map((one) =>
      `${one.name}${study.backbones.length > 1 ? ` (${one.backbone})` : ""} ${signed(one.value)} ${
        range(one.interval)
      }`
    );
    return h(
      "section",
      { class: `report-verdict ${TONE[verdict.outcome] ?? "plain"}` },
      h("h2", {}, verdict.sentence),
      h(
        "p",
        {},
        compared.length > 0 &&
          `${nameOf(verdict.figure, study)}, gaze against ${against}: ${compared.join(", ")}. `,
        verdict.remarks.join(" "),
        " Research use, not for diagnosis.",
      ),
      study.warnings.length > 0 && h(
        "details",
        {},
        h(
          "summary",
          {},
          `${study.warnings.length} ${study.warnings.length === 1 ? "warning" : "warnings"}`,
        ),
        h("ul", {}, study.warnings.map((text) => h("li", {}, text))),
      ),
    );
  }

  /** Why a cell has no figure. */
  function instead(cell) {
    if (!cell) return "–";
    if (cell.done > 0) return "not defined";
    if (cell.failed > 0) return `${cell.failed} failed`;
    return cell.cancelled > 0 ? "cancelled" : "waiting";
  }

  function tableOf({ study, tables }, backbone) {
    const figures = figuresOf(study);
    const cells = study.rows.map((row) => ({ row, cell: cellOf(study, row, backbone) }));
    const best = Object.fromEntries(figures.map(([name]) => [
      name,
      Math.max(...cells.map(({ cell }) => cell?.figures[name]?.mean ?? -Infinity)),
    ]));
    const { figure } = study.verdict;
    const gain = ({ row, cell }) => {
      const control = cell?.controls[figure];
      if (control) {
        return [
          h("span", { class: "whole" }, signed(control.value)),
          h("small", {}, range(control.interval)),
        ];
      }
      const plain = cell?.differences[figure];
      return plain && row.arm !== "none"
        ? [h("small", {}, `${signed(plain.value)} to none`)]
        : ["–"];
    };
    const value = (cell, name) => {
      const found = cell?.figures[name];
      if (!found) return h("td", { class: "number muted" }, instead(cell));
      // Never broken within: a line may end between mean and deviation.
      const mean = h("span", { class: "whole" }, fixed(found.mean));
      return h(
        "td",
        { class: "number" },
        found.mean === best[name] ? h("strong", {}, mean) : mean,
        " ",
        cell.done > 1 && h("small", { class: "whole" }, `± ${fixed(found.std)}`),
      );
    };
    let method = null;
    const rows = cells.map(({ row, cell }) => {
      const first = row.method !== method;
      method = row.method;
      return h(
        "tr",
        { class: `${kindOf(row)}${first ? " first" : ""}` },
        h("th", { scope: "row" }, row.name),
        figures.map(([name]) => value(cell, name)),
        h("td", { class: "number gain" }, gain({ row, cell })),
      );
    });
    const runs = Math.max(0, ...cells.map(({ cell }) => cell?.done ?? 0));
    const unit = study.run_kind === "fold" ? "fold" : "run";
    return section(
      runs === 1
        ? `One ${unit} a row, ${backbone} (best in bold)`
        : `Mean ± deviation over ${runs} ${unit}s, ${backbone} (best in bold)`,
      h(
        "table",
        { class: "report-table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Method"),
            figures.map(([, head]) => h("th", { scope: "col", class: "number" }, head)),
            h("th", { scope: "col", class: "number" }, "gain over shuffled"),
          ),
        ),
        h("tbody", {}, rows),
      ),
      h(
        "p",
        { class: "report-note" },
        isOfTwo(study) && "With two classes M-AUC is the AUC. ",
        tables && copyButtons(tables),
      ),
    );
  }

  const LABELS = { tex: "LaTeX", csv: "CSV", md: "Markdown" };

  function copyButtons(tables) {
    return h(
      "span",
      { class: "report-copy" },
      "Copy as ",
      Object.entries(tables).map(([ending, text]) => {
        const label = LABELS[ending] ?? ending;
        const button = h("button", { type: "button" }, label);
        button.addEventListener("click", async () => {
          try {
            await navigator.clipboard.writeText(text);
            button.textContent = "Copied";
          } catch {
            save(`table.${ending}`, new Blob([text], { type: "text/plain" }));
            button.textContent = "Saved";
          }
          setTimeout(() => button.textContent = label, 1500);
        });
        return button;
      }),
    );
  }

  /** Every run as a ring, the mean as a square, the interval as a line. */
  function everyRun({ study }, backbone, ways) {
    const { figure } = study.verdict;
    const rows = study.rows.map((row) => ({ row, cell: cellOf(study, row, backbone) }));
    const known = rows.flatMap(({ cell }) => {
      const found = cell?.figures[figure];
      return found ? [...found.values, ...found.interval] : [];
    });
    if (known.length === 0) {
      return section("Every run", h("p", { class: "report-note" }, "No run is done yet."));
    }
    const chance = figure === "accuracy" ? undefined : 0.5;
    const low = Math.max(0, Math.min(...known, chance ?? 1) - 0.02);
    const high = Math.min(1, Math.max(...known, chance ?? 0) + 0.02);
    const [left, width] = matchMedia("(max-width: 40rem)").matches ? [150, 390] : [190, 560];
    const [rowHeight, top] = [34, 8];
    const bottom = top + rows.length * rowHeight;
    const x = (value) =>
      left + 12 + (Math.min(high, Math.max(low, value)) - low) / (high - low) * (width - left - 24);
    const marks = rows.map(({ row, cell }, i) => {
      const y = top + (i + 0.5) * rowHeight;
      const found = cell?.figures[figure];
      const name = s("text", { x: 0, y: y + 4, class: "label" }, row.name);
      if (!found) {
        return [name, s("text", { x: left + 12, y: y + 4, class: "tick" }, instead(cell))];
      }
      const kind = kindOf(row);
      const [from, to] = found.interval;
      const unit = study.run_kind;
      return [
        name,
        s("line", { x1: x(from), x2: x(to), y1: y, y2: y, class: `interval ${kind}` }),
        s(
          "rect",
          { x: x(found.mean) - 5, y: y - 5, width: 10, height: 10, class: `mean ${kind}` },
          s("title", {}, `${row.name}: mean ${fixed(found.mean)} [${fixed(from)}, ${fixed(to)}]`),
        ),
        found.values.map((value, run) => {
          const ring = s(
            "circle",
            { cx: x(value), cy: y, r: 5, class: `run ${kind}` },
            s("title", {}, `${row.name}, ${unit} ${cell.runs[run]}: ${fixed(value)}`),
          );
          const href = ways.runLink?.(cell.evaluations[run]);
          const label = `${row.name}, ${unit} ${cell.runs[run]}, ${fixed(value)}`;
          return href ? s("a", { href, "aria-label": label }, ring) : ring;
        }),
      ];
    });
    const svg = s(
      "svg",
      {
        viewBox: `0 0 ${width} ${bottom + 46}`,
        class: "report-chart",
        role: "group",
        "aria-label": `${nameOf(figure, study)} of every run, means and intervals`,
      },
      ticksOf(low, high, 6).map((tick) => [
        s("line", { x1: x(tick), x2: x(tick), y1: top, y2: bottom, class: "grid" }),
        s("text", { x: x(tick), y: bottom + 16, class: "tick middle" }, tick),
      ]),
      chance !== undefined &&
        s("line", { x1: x(chance), x2: x(chance), y1: top, y2: bottom, class: "chance" }),
      marks,
      s(
        "text",
        { x: (left + width) / 2, y: bottom + 38, class: "tick middle" },
        chance === undefined ? nameOf(figure, study) : `${nameOf(figure, study)} (0.5 is chance)`,
      ),
    );
    return section(
      "Every run, its mean and 95 % interval",
      drawing("every-run", svg),
      h(
        "p",
        { class: "report-note" },
        "Square: mean. Ring: one run. Line: interval with the patients. Green: gaze; orange: shuffled gaze.",
      ),
    );
  }

  function tileOf(one, ways, more) {
    const wrong = one.label !== one.predicted;
    const alt = `${one.image} with the readers' gaze: ${one.label}, said to be ${one.predicted}`;
    const picture = ways.picture(one.image, alt);
    const href = ways.imageLink?.(one.image);
    return h(
      "figure",
      {},
      picture && (href ? h("a", { href }, picture) : picture),
      h(
        "figcaption",
        {},
        h("strong", {}, one.image),
        h("span", {}, `${one.label} →`),
        h(
          "span",
          { class: wrong ? "wrong" : "right" },
          `${wrong ? "✗" : "✓"} ${one.predicted} ${percent(one.probability)}`,
        ),
        more,
      ),
    );
  }

  function casesOf(title, note, cases, ways, more = () => null) {
    return section(
      title,
      cases.length > 0
        ? h("div", { class: "report-tiles" }, cases.map((one) => tileOf(one, ways, more(one))))
        : h("p", { class: "report-note" }, "None."),
      note && h("p", { class: "report-note" }, note),
    );
  }

  /** The row whose images are shown first: with gaze, the best. */
  function firstRow({ study, report }) {
    const { figure } = study.verdict;
    const scored = study.cells.filter(({ row, backbone }) =>
      report.rows.some((one) => one.row === row && one.backbone === backbone)
    ).map((cell) => ({
      cell,
      gaze: study.rows.find(({ key }) => key === cell.row).arm === "gaze",
      mean: cell.figures[figure]?.mean ?? -1,
    }));
    return scored.sort((a, b) => Number(b.gaze) - Number(a.gaze) || b.mean - a.mean)[0]?.cell;
  }

  function imagesOf(data, cell, ways) {
    const { study, report } = data;
    const row = study.rows.find(({ key }) => key === cell.row);
    const made = report.rows.find((one) => one.row === cell.row && one.backbone === cell.backbone);
    const pair = report.compared.find((one) =>
      one.row === cell.row && one.backbone === cell.backbone
    );
    const plain = pair && study.rows.find(({ key }) => key === pair.against).name;
    const other = ({ other }) =>
      h("span", {}, `${plain}: ${other.predicted} ${percent(other.probability)}`);
    return [
      casesOf(
        `Most certain mistakes of ${row.name}, with the readers' gaze`,
        `By the mean over runs; ${made.images} images were tested.`,
        made.mistakes.slice(0, 12),
        ways,
      ),
      pair &&
      casesOf(`What ${row.name} gets right and ${plain} wrong`, null, pair.gained, ways, other),
      pair &&
      casesOf(`What ${plain} gets right and ${row.name} wrong`, null, pair.lost, ways, other),
    ];
  }

  function choice(label, options, value, onChange) {
    const control = h(
      "select",
      { on: { change: (event) => onChange(event.target.value) } },
      options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
    );
    return h("label", { class: "report-choice" }, h("span", {}, label), control);
  }

  /** "top 10 %", "above 0.8", "5 nearest of each image". */
  function cutText({ quantile, threshold, top_k }) {
    if (quantile !== undefined) return `top ${Number((100 * quantile).toFixed(2))} % of pairs`;
    return threshold !== undefined ? `above ${threshold}` : `${top_k} nearest of each image`;
  }

  /** What of the request is not said elsewhere, as [name, value]. */
  function madeOf({ study }, settings = []) {
    const { spec } = study;
    const text = (value) =>
      typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
    const own = [
      ["Data set", study.dataset ?? "deleted since"],
      ["Data digest", spec.dataset_digest],
      ["State of the data", study.stale ? "changed since this study" : "as it was studied"],
      [study.run_kind === "fold" ? "Folds" : "Seeds", spec.folds ?? spec.seeds?.join(", ")],
      ["Split", "by patient; images that are tested on take no part in pre-training"],
      ["Pairs by gaze", spec.cut && cutText(spec.cut)],
      ["Fine-tuning", spec.finetune?.mode],
      ["Code version", spec.code_version],
    ];
    const pretrain = Object.entries(spec.pretrain ?? {}).filter(([, value]) => value !== null);
    const by = Object.entries(spec.by_method ?? {}).filter(([, value]) =>
      value && Object.keys(value).length > 0
    );
    return section(
      "How it was made",
      h(
        "dl",
        { class: "report-made" },
        [...own, ...settings].filter(([, value]) => value !== undefined && value !== null)
          .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
      ),
      h(
        "details",
        {},
        h("summary", {}, "All settings of pre-training and fine-tuning"),
        h(
          "dl",
          { class: "report-made" },
          pretrain.map(([name, value]) =>
            h("div", {}, h("dt", {}, `pre-training: ${name}`), h("dd", {}, text(value)))
          ),
          by.map(([name, value]) =>
            h("div", {}, h("dt", {}, `${name} alone`), h("dd", {}, text(value)))
          ),
          Object.entries(spec.finetune ?? {}).filter(([, value]) => value !== null).map(
            ([name, value]) =>
              h("div", {}, h("dt", {}, `fine-tuning: ${name}`), h("dd", {}, text(value))),
          ),
        ),
      ),
    );
  }

  function draw(data, ways) {
    const { study, report } = data;
    const first = firstRow(data);
    const chosen = {
      backbone: first?.backbone ?? study.backbones[0],
      method: study.rows.find(({ key }) => key === first?.row)?.method ?? null,
      row: first?.row,
      ...ways.chosen,
    };
    const behind = h("div", { class: "report-behind" });
    const top = h("div", { class: "report-pair" });
    const choices = h("div", { class: "report-choices" });
    const update = () => {
      const cell = study.cells.find(({ row, backbone }) =>
        row === chosen.row && backbone === chosen.backbone
      );
      const row = study.rows.find(({ key }) => key === chosen.row);
      top.replaceChildren(
        tableOf(data, chosen.backbone),
        everyRun(data, chosen.backbone, ways),
      );
      const has = report.rows.some((one) =>
        one.row === chosen.row && one.backbone === chosen.backbone
      );
      const [mistakes, ...changed] = has ? imagesOf(data, cell, ways) : [];
      const [roc, ...curves] = has ? curvesOf(data, chosen.backbone, row.method) : [];
      const parts = has
        ? [
          h("div", { class: "report-pair" }, mistakes, roc),
          h("div", { class: "report-pair" }, changed),
          h("div", { class: "report-grid" }, curves, confusionOf(data, row, chosen.backbone, ways)),
        ]
        : [];
      behind.replaceChildren(...parts);
    };
    const set = (changes) => {
      Object.assign(chosen, changes);
      ways.onChoose?.(chosen);
      update();
    };
    const done = study.rows.filter(({ key }) => report.rows.some(({ row }) => row === key));
    if (study.backbones.length > 1) {
      choices.append(
        choice(
          "Backbone",
          study.backbones.map((name) => [name, name]),
          chosen.backbone,
          (backbone) => set({ backbone }),
        ),
      );
    }
    if (done.length > 0) {
      choices.append(
        choice(
          "Images and curves of",
          done.map(({ key, name }) => [key, name]),
          chosen.row,
          (row) => set({ row }),
        ),
      );
    }
    update();
    return h(
      "div",
      { class: "report" },
      verdictOf(data),
      top,
      choices,
      behind,
      madeOf(data, ways.settings),
    );
  }

  globalThis.McgipReport = { draw };
})();
