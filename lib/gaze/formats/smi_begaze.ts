/** SMI BeGaze raw data exports: comment lines with `##`, then samples and messages in one table. */
import { isFound, NOWHERE, oneOf } from "./eyes.ts";
import type { GazeFormat } from "./format.ts";
import type { Scanpath } from "./scanpath.ts";
import { readTable, type Row } from "./gaze_table.ts";
import type { Size } from "../gaze.ts";

export const smi_begaze: GazeFormat = {
  title: "SMI BeGaze raw data",
  detect: ({ text }) => /^## \[BeGaze\]/m.test(text) || /^Time\tType\tTrial\t/m.test(text),
  async parse(text, recording, { eye }) {
    recording.rebase = true;
    recording.assume("time in microseconds");
    let told: Size | undefined;
    let subject = "";
    let shown = "";
    const isHeader = ({ cells }: Row) => {
      const [name, ...values] = cells;
      if (/^## Calibration Area/.test(name) && values.length >= 2) {
        told = { width: Number(values[0]), height: Number(values[1]) };
      }
      if (/^## Subject/.test(name)) subject = values[0]?.trim() ?? "";
      return name === "Time" && cells.includes("Type");
    };
    const isRow = ({ cells }: Row) => {
      if (cells[1] === "MSG") {
        shown = /# Message:\s*(\S.*)/.exec(cells.slice(3).join(" "))?.[1].trim() ?? shown;
      }
      return cells[1] === "SMP";
    };
    await readTable(text, recording, (table) => {
      const time = table.need("Time");
      const pair = (short: string, long: string) =>
        ["X", "Y"].map((axis) =>
          table.find(`${short} POR ${axis} [px]`, `Point of Regard ${long} ${axis} [px]`)
        );
      const [left, right] = [pair("L", "Left"), pair("R", "Right")];
      if (left[0] < 0 && right[0] < 0) {
        recording.problem('no column "L POR X [px]" or "R POR X [px]"', table.line);
      }
      const stimulus = table.find("Stimulus");
      const placed = new Set<Scanpath>();
      return (row) => {
        const t = table.number(row, time) * 1e-6;
        if (Number.isNaN(t)) return recording.problem("no time", row.line, time + 1);
        const named = table.text(row, stimulus);
        const scanpath = recording.scanpath(
          named === "" || named === "-" ? shown : named,
          subject,
          row.line,
        );
        if (!scanpath) return;
        if (!placed.has(scanpath)) recording.onScreen(scanpath, row.line, { told });
        placed.add(scanpath);
        const [l, r] = [left, right].map(([x, y]) => {
          const point = { x: table.number(row, x), y: table.number(row, y) };
          return x < 0 || !isFound(point) || (point.x === 0 && point.y === 0) ? NOWHERE : point;
        });
        if (t < scanpath.lastTime) {
          return recording.warn("time goes backwards: row left out", row.line, time + 1);
        }
        const { x, y } = oneOf(l, r, eye);
        scanpath.addSample(t, x, y);
      };
    }, { delimiter: "\t", isHeader, isRow });
  },
};
