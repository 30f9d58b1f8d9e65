/**
 * Iterative stratification of a multi-label set (Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of
 * multi-label data"), with patients in the place of single images. Findings that are absent or not known do not count.
 */
/**
 * Again and again the finding that fewest of the groups left have is dealt: each group with it goes to the part that
 * lacks most images of that finding, of equal ones to that which lacks most images. Groups without any finding then
 * go where most images are missing.
 * @param groups in the order that they were drawn in
 * @param findingsOf those that an image has
 * @param shares of the parts, which sum to 1
 */
export function iterativeDeal<Group extends { images: number[] }>(
  groups: Group[],
  findingsOf: (image: number) => string[],
  shares: number[],
): Group[][] {
  const parts: Group[][] = shares.map(() => []);
  const counts = new Map(
    groups.map((group) => [group, countsOf(group.images.flatMap(findingsOf))]),
  );
  const totals = countsOf(groups.flatMap(({ images }) => images.flatMap(findingsOf)));
  const images = groups.reduce((sum, group) => sum + group.images.length, 0);
  const missing = shares.map((share) => share * images);
  const missingOf = new Map(
    [...totals].map(([name, n]) => [name, shares.map((share) => share * n)]),
  );
  const left = new Set(groups);
  const place = (group: Group, part: number) => {
    parts[part].push(group);
    left.delete(group);
    missing[part] -= group.images.length;
    for (const [name, n] of counts.get(group)!) {
      missingOf.get(name)![part] -= n;
      totals.set(name, totals.get(name)! - n);
    }
  };
  const open = shares.flatMap((share, part) => share > 0 ? [part] : []);
  const most = (by: number[], among: number[]) => {
    const top = Math.max(...among.map((part) => by[part]));
    return among.filter((part) => by[part] > top - 1e-9);
  };
  while (true) {
    const rarest = [...totals].filter(([, n]) => n > 0)
      .sort(([a, m], [b, n]) => m - n || (a < b ? -1 : 1))[0];
    if (!rarest) break;
    const [name] = rarest;
    const having = [...left].filter((group) => counts.get(group)!.has(name))
      .sort((a, b) => counts.get(b)!.get(name)! - counts.get(a)!.get(name)!);
    for (const group of having) place(group, most(missing, most(missingOf.get(name)!, open))[0]);
  }
  // The larger first: what is left over at the end is then small.
  for (const group of [...left].sort((a, b) => b.images.length - a.images.length)) {
    place(group, most(missing, open)[0]);
  }
  return parts;
}

function countsOf(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
