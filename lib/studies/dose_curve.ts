/**
 * The dose curve: what pairs by gaze gain over none, against how well gaze tells pairs of one label (the audit's AUC,
 * before any training). Every run is a point; a mean over runs has its t interval.
 */
import { pairedT } from "@/lib/evaluation/paired_t.ts";
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
  toX,
  toY,
} from "./svg.ts";

export interface Dose {
  /** Title of the method. */
  method: string;
  /** Of the audit: 0.5 where gaze knows nothing. */
  audit_auc: number;
  /** Difference in AUC to the same run without gaze. */
  gains: { run: number; value: number }[];
}

export interface DosePanel {
  title: string;
  doses: Dose[];
}

const [LEFT, TOP, WIDTH, HEIGHT, GAP] = [70, 40, 330, 270, 80];

/** @param panels beside each other, with the same scales */
export function doseCurve(panels: DosePanel[], title: string): string {
  const doses = panels.flatMap(({ doses }) => doses);
  const methods = [...new Set(doses.map(({ method }) => method))];
  const gains = doses.flatMap(({ gains }) => gains.map(({ value }) => value));
  const x = {
    ...limits(doses.map(({ audit_auc }) => audit_auc), [0.5]),
    label: "AUC of gaze for one label (audit)",
    digits: 2,
  };
  const y = { ...limits(gains, [0]), label: "gain in AUC over none", digits: 2 };
  const parts = panels.flatMap(({ title, doses }, place) => {
    const left = LEFT + place * (WIDTH + GAP);
    const area: Area = { left, top: TOP, width: WIDTH, height: HEIGHT, x, y };
    return [frame(area, { title }), ...doses.length > 0 ? curves(area, doses, methods) : []];
  });
  const width = LEFT + panels.length * (WIDTH + GAP) + 40;
  parts.push(legend(width - 100, TOP + 12, methods));
  return svg(width, TOP + HEIGHT + 50, title, parts);
}

function curves(area: Area, doses: Dose[], methods: string[]): string[] {
  return methods.flatMap((method, m) => {
    const colour = COLOURS[m % COLOURS.length];
    const own = doses.filter((dose) => dose.method === method && dose.gains.length > 0)
      .toSorted((a, b) => a.audit_auc - b.audit_auc)
      .map((dose) => ({
        ...dose,
        at: toX(area, dose.audit_auc) + 7 * (m - (methods.length - 1) / 2),
        tested: pairedT(dose.gains.map(({ value }) => value)),
      }));
    const lines = own.slice(1).map(({ at, tested }, i) =>
      line([own[i].at, toY(area, own[i].tested.mean)], [at, toY(area, tested.mean)], { colour })
    );
    const points = own.flatMap(({ at, gains, audit_auc }) =>
      gains.map(({ run, value }) =>
        point(
          at,
          toY(area, value),
          colour,
          `${method}, audit ${audit_auc.toFixed(3)}, seed ${run}: ${value.toFixed(4)}`,
        )
      )
    );
    return [
      ...lines,
      ...points,
      ...own.map(({ at, tested }) => interval(area, at, tested, colour)),
    ];
  });
}
