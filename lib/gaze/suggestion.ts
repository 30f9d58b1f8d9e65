/** What an audit advises: a cut, a measure, and warnings in plain words. */
import type { Audit, AuditCut, CutSuggestion } from "./audit_report.ts";

/** A cut keeps at least this much of the best precision over the base rate: half of it may be nearly chance. */
const KEPT_GAIN = 0.75;
/** A result this unlikely by chance counts as none of its doing. */
const SIGNIFICANT = 0.05;

export function suggest(audit: Audit): Pick<Audit, "suggestion" | "warnings"> {
  const warnings: string[] = [];
  if (audit.valid_pairs === 0) {
    warnings.push("No pair of images has valid gaze: there is nothing to pair.");
    return { suggestion: none, warnings };
  }
  if (audit.coverage < 0.5) {
    warnings.push(
      `Only ${
        percent(audit.coverage)
      } of the images have valid gaze; the others are paired with nothing.`,
    );
  }
  const suggestion = audit.labels ? byLabels(audit, warnings) : withoutLabels(audit);
  const chosen = audit.cuts.find((cut) => isChosen(cut, suggestion));
  if (chosen && chosen.hub_share > 0.2) {
    warnings.push(
      `A few images hold most pairs: 1 % of them ${
        percent(chosen.hub_share)
      } of all pair ends at the suggested cut.`,
    );
  }
  return { suggestion, warnings };
}

const none = { quantile: null, top_k: null, reasons: [] };

function isChosen(cut: AuditCut, { quantile, top_k }: CutSuggestion): boolean {
  return cut.quantile === quantile && cut.top_k === top_k;
}

function byLabels(audit: Audit, warnings: string[]): CutSuggestion {
  const { auc, p, base_rate, permutations } = audit.labels!;
  const better = audit.cuts.filter((cut) => cut.p !== null && cut.p < SIGNIFICANT && cut.lift! > 1);
  if (p >= SIGNIFICANT || better.length === 0) {
    warnings.push(
      `These pairs are no better than chance: over the whole range of cuts, images paired by gaze share a label ` +
        `no more often than images paired at random (p = ${p.toPrecision(2)}${aucText(auc)}, ` +
        `${permutations} permutations). Training with them is not expected to help; compare with arm "shuffled".`,
    );
    return none;
  }
  // Of the cuts better than chance, the one that gives most right pairs over what chance gives.
  const gain = (cut: typeof better[number]) => cut.pairs * (cut.precision! - base_rate);
  const most = Math.max(...better.map(({ lift }) => lift! - 1));
  const strong = better.filter(({ lift }) => lift! - 1 >= KEPT_GAIN * most);
  const best = strong.reduce((a, b) => gain(b) > gain(a) ? b : a);
  return {
    quantile: best.quantile,
    top_k: best.top_k,
    reasons: [
      `${percent(best.precision!)} of the pairs share a label, ${
        percent(base_rate)
      } of all pairs do ` +
      `(lift ${best.lift!.toFixed(2)}, p = ${best.p!.toPrecision(2)})`,
      "of the cuts that keep at least three quarters of the best precision over the base rate, the one with most " +
      "right pairs beyond chance",
      ...(auc === null
        ? ["only the nearest pairs were kept, so there is no AUC over all of them"]
        : [`AUC ${auc.toFixed(3)} over all pairs`]),
    ],
  };
}

const aucText = (auc: number | null) => auc === null ? "" : `, AUC ${auc.toFixed(3)}`;

function withoutLabels(audit: Audit): CutSuggestion {
  const ascending = [...audit.cuts].sort((a, b) => a.pairs - b.pairs);
  if (ascending.length === 0) return none;
  const best = ascending.find((cut) => cut.images_without <= audit.valid_images / 5) ??
    ascending.at(-1)!;
  return {
    quantile: best.quantile,
    top_k: best.top_k,
    reasons: [
      `the strictest cut at which at least four of five images have a positive ` +
      `(${best.positives_per_image.mean.toFixed(1)} each on average)`,
      "no labels: whether these pairs mean anything cannot be told",
    ],
  };
}

/** A measure to take, and a cut of it. */
export interface MeasureSuggestion extends CutSuggestion {
  /** Key of the audit. */
  measure: string;
}

/** Of the audits of several measures: the one whose pairs are least likely by chance; null where none is better. */
export function suggestMeasure(audits: Record<string, Audit>): MeasureSuggestion | null {
  const usable = Object.entries(audits).flatMap(([measure, { labels, suggestion, cuts }]) => {
    const chosen = cuts.find((cut) => isChosen(cut, suggestion));
    return labels && chosen ? [{ measure, labels, chosen, suggestion }] : [];
  });
  usable.sort((a, b) =>
    a.labels.p - b.labels.p || (b.labels.auc ?? 0.5) - (a.labels.auc ?? 0.5) ||
    b.chosen.lift! - a.chosen.lift!
  );
  if (usable.length === 0) return null;
  const [{ measure, labels, suggestion }] = usable;
  const { quantile, top_k, reasons } = suggestion;
  const compared = Object.keys(audits).length;
  const why = `of ${compared} compared, the one whose pairs are least likely by chance ` +
    `(p = ${labels.p.toPrecision(2)}${aucText(labels.auc)})`;
  return { measure, quantile, top_k, reasons: compared > 1 ? [why, ...reasons] : reasons };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
