/** What an audit of positive pairs finds. */

/** An image that many others are paired with. */
export interface Hub {
  /** Row of the matrix. */
  image: number;
  positives: number;
}

export interface AuditCut {
  /** Share asked for; null where the nearest of each image were. */
  quantile: number | null;
  /** Nearest of each image; null where a share was asked for. */
  top_k: number | null;
  /** Pairs lie strictly above this; of the nearest of each image the least similar lies here. */
  cut: number;
  pairs: number;
  /** Share of the valid pairs, which ties can move away from the quantile. */
  share: number;
  positives_per_image: { min: number; median: number; mean: number; max: number };
  /** Images with valid gaze and no positive. */
  images_without: number;
  /** The five images with most positives. */
  hubs: Hub[];
  /** Share of all pair ends that the top 1 % of the images holds (at least one image). */
  hub_share: number;
  /** Share of the pairs (both labelled) with the same label; null without labels. */
  precision: number | null;
  /** Precision over that of all pairs. */
  lift: number | null;
  /** Permutation p-value of this precision. */
  p: number | null;
}

export interface Audit {
  images: number;
  /** Images with at least one valid pair, and their share. */
  valid_images: number;
  coverage: number;
  valid_pairs: number;
  cuts: AuditCut[];
  labels: LabelAudit | null;
  /** One of the cuts; neither where there is none to suggest. */
  suggestion: { quantile: number | null; top_k: number | null; reasons: string[] };
  /** Plain words on what speaks against these pairs. */
  warnings: string[];
}

export interface LabelAudit {
  /** Images with a label and valid gaze. */
  labelled: number;
  classes: Record<string, number>;
  /** Share of the labelled valid pairs with the same label. */
  base_rate: number;
  /**
   * Probability that a pair of one label is more similar than a pair of two, ties counting half; null where not all
   * pairs are known.
   */
  auc: number | null;
  auc_p: number | null;
  /** p-value of the best cut, corrected for having looked at all of them. */
  p: number;
  permutations: number;
}
