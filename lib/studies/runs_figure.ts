/** A study's table as a picture: the AUC of every run as a point, with mean and interval of each row. */
import type { StudyTable } from "./table_schema.ts";
import {
  type Area,
  COLOURS,
  frame,
  interval,
  legend,
  limits,
  line,
  point,
  svg,
  text,
  toY,
} from "./svg.ts";
import { backboneName } from "./table_text.ts";

/** Room of a row, px. */
const ROW = 58;
const [LEFT, TOP, HEIGHT, BELOW] = [100, 40, 280, 130];

export function runsFigure(table: StudyTable, { title }: { title: string }): string {
  const { rows, backbones, cells } = table;
  const shown = rows.flatMap((row) => {
    const own = backbones.map((backbone) =>
      cells.find((cell) => cell.row === row.key && cell.backbone === backbone)!
    );
    return own.some(({ figures }) => figures.auc) ? [{ row, own }] : [];
  });
  const values = shown.flatMap(({ own }) =>
    own.flatMap(({ figures }) => figures.auc?.values ?? [])
  );
  const width = Math.max(1, shown.length) * ROW;
  const area: Area = {
    ...{ left: LEFT, top: TOP, width, height: HEIGHT },
    x: { low: 0, high: Math.max(1, shown.length), label: "", digits: 0 },
    y: { ...limits(values.length > 0 ? values : [0, 1]), label: "AUC", digits: 2 },
  };
  const parts = [frame(area, { title, xTicks: false })];
  if (area.y.low < 0.5 && area.y.high > 0.5) {
    const at = toY(area, 0.5);
    parts.push(line([LEFT, at], [LEFT + width, at], { dashed: true }));
  }
  for (const [place, { row, own }] of shown.entries()) {
    const middle = LEFT + (place + 0.5) * ROW;
    parts.push(text(middle + 4, TOP + HEIGHT + 12, row.name, {
      ...{ anchor: "end", size: 10, angle: -40 },
    }));
    own.forEach(({ figures: { auc }, runs }, b) => {
      if (!auc) return;
      const at = middle + (b - (backbones.length - 1) / 2) * ROW / (backbones.length + 1);
      auc.values.forEach((value, i) => {
        const hint = `${row.name}, ${table.run_kind} ${runs[i]}: ${value.toFixed(4)}`;
        parts.push(point(at + jitter(i, auc.values.length), toY(area, value), COLOURS[b], hint));
      });
      parts.push(interval(area, at, auc, COLOURS[b]));
    });
  }
  if (backbones.length > 1) {
    parts.push(legend(LEFT + width + 14, TOP + 12, backbones.map(backboneName)));
  }
  return svg(
    LEFT + width + (backbones.length > 1 ? 120 : 24),
    TOP + HEIGHT + BELOW,
    `${title}: AUC of every run, mean and 95 % interval`,
    parts,
  );
}

/** Spreads runs beside each other, px. */
function jitter(i: number, n: number): number {
  return n < 2 ? 0 : 8 * (i / (n - 1) - 0.5);
}
