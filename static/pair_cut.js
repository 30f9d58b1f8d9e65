/**
 * What pairs above a cut would be, computed in the page so that a slider answers at once; the same numbers as the
 * server's audit gives for its cuts. Nothing here touches the page.
 */

/**
 * @typedef {object} Pairs
 * @property {number} n images
 * @property {Float32Array} values [n, n], NaN where invalid
 * @property {(string | null)[]} labels
 * @property {number[]} looked rows that are looked at: without what will be tested on
 * @property {Float32Array} sorted values of the valid pairs, rising
 * @property {number | null} baseRate share of the labelled pairs with one label
 */

/** @returns {Pairs} */
export function preparePairs({ values, labels, looked }) {
  const n = labels.length;
  const sorted = new Float32Array(looked.length * (looked.length - 1) / 2);
  let [valid, same, labelled] = [0, 0, 0];
  for (let a = 0; a < looked.length; a++) {
    const i = looked[a];
    for (let b = a + 1; b < looked.length; b++) {
      const j = looked[b];
      const value = values[i * n + j];
      if (value !== value) continue;
      sorted[valid++] = value;
      if (labels[i] === null || labels[j] === null) continue;
      labelled++;
      if (labels[i] === labels[j]) same++;
    }
  }
  return {
    ...{ n, values, labels, looked },
    sorted: sorted.slice(0, valid).sort(),
    baseRate: labelled > 0 ? same / labelled : null,
  };
}

/**
 * The value above which the top `share` of the pairs lies; equal pairs stand or fall together.
 * @param {Pairs} pairs
 */
export function cutAt({ sorted }, share) {
  const valid = sorted.length;
  if (valid === 0) return null;
  const wanted = Math.min(valid, Math.max(1, Math.round(share * valid)));
  const last = sorted[valid - wanted];
  const first = firstNotBelow(sorted, last);
  let after = valid - wanted;
  while (after < valid && sorted[after] === last) after++;
  const above = valid - after;
  const ties = after - first;
  if (above > 0 && wanted - above < above + ties - wanted) return last;
  return first > 0 ? sorted[first - 1] : last - Math.max(1e-7, Math.abs(last) * 1e-7);
}

function firstNotBelow(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @param {Pairs} pairs
 * @param {number} cut pairs lie strictly above it
 */
export function chosenAt({ n, values, labels, looked, sorted, baseRate }, cut) {
  const degrees = new Uint32Array(n);
  const valid = new Uint8Array(n);
  let [count, same, labelled] = [0, 0, 0];
  for (let a = 0; a < looked.length; a++) {
    const i = looked[a];
    for (let b = a + 1; b < looked.length; b++) {
      const j = looked[b];
      const value = values[i * n + j];
      if (value !== value) continue;
      valid[i] = valid[j] = 1;
      if (!(value > cut)) continue;
      count++;
      degrees[i]++;
      degrees[j]++;
      if (labels[i] === null || labels[j] === null) continue;
      labelled++;
      if (labels[i] === labels[j]) same++;
    }
  }
  const known = looked.filter((i) => valid[i]).map((i) => degrees[i]).sort((a, b) => a - b);
  const half = known.length >> 1;
  const precision = labelled > 0 ? same / labelled : null;
  return {
    pairs: count,
    share: sorted.length > 0 ? count / sorted.length : 0,
    precision,
    lift: precision !== null && baseRate > 0 ? precision / baseRate : null,
    median: known.length === 0
      ? 0
      : known.length % 2
      ? known[half]
      : (known[half - 1] + known[half]) / 2,
    most: known.at(-1) ?? 0,
    without: known.filter((positives) => positives === 0).length,
    hubs: looked.toSorted((a, b) => degrees[b] - degrees[a]).slice(0, 5)
      .map((image) => ({ image, positives: degrees[image] })),
  };
}

/** Counts of pairs of one label, of two, and of those of which one is not known, in equal bins. */
export function labelHistogram({ n, values, labels, looked, sorted }, bins) {
  const [from, to] = [sorted[0] ?? 0, sorted.at(-1) ?? 1];
  const same = new Array(bins).fill(0);
  const other = new Array(bins).fill(0);
  const scale = to > from ? bins / (to - from) : 0;
  for (let a = 0; a < looked.length; a++) {
    const i = looked[a];
    for (let b = a + 1; b < looked.length; b++) {
      const j = looked[b];
      const value = values[i * n + j];
      if (value !== value) continue;
      const bin = Math.min(bins - 1, Math.floor((value - from) * scale));
      const known = labels[i] !== null && labels[j] !== null;
      (known && labels[i] === labels[j] ? same : other)[bin]++;
    }
  }
  return { from, to, same, other };
}

/**
 * Pairs just above the cut: `count` of one label and `count` of two.
 * @returns {{right: [number, number, number][], wrong: [number, number, number][]}} [row, row, similarity]
 */
export function examplesAt({ n, values, labels, looked }, cut, count) {
  const right = [];
  const wrong = [];
  for (let a = 0; a < looked.length; a++) {
    const i = looked[a];
    for (let b = a + 1; b < looked.length; b++) {
      const j = looked[b];
      const value = values[i * n + j];
      if (!(value > cut) || labels[i] === null || labels[j] === null) continue;
      const list = labels[i] === labels[j] ? right : wrong;
      if (list.length === count && value >= list[count - 1][2]) continue;
      list.push([i, j, value]);
      list.sort((p, q) => p[2] - q[2]);
      if (list.length > count) list.pop();
    }
  }
  return { right, wrong };
}

/** Rows in the order of labels, those without one last; within a label as they were. */
export function labelOrder(labels) {
  return labels.map((_, i) => i).sort((a, b) => {
    const [p, q] = [labels[a], labels[b]];
    if (p === q) return a - b;
    return p === null ? 1 : q === null ? -1 : p < q ? -1 : 1;
  });
}
