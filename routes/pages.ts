/** Lists: `?limit=&after=`, `{data, has_more, next}`. */
import { z } from "zod";
import type { Page } from "@/lib/store/mod.ts";

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100)
    .describe("Most entries of the answer"),
  after: z.string().min(1).max(600).optional()
    .describe("The `next` of the page before"),
};

/** The schema of a page of `entry`. */
export const pageOf = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({ data: z.array(entry), has_more: z.boolean(), next: z.string().nullable() });

/** A list that comes in one piece. */
export const wholePage = <Entry>(data: Entry[]): Page<Entry> => ({
  data,
  has_more: false,
  next: null,
});

/** A page whose entries are shaped for the answer. */
export async function mapPage<A, B>(
  page: Page<A>,
  shape: (entry: A) => B | Promise<B>,
): Promise<Page<B>> {
  return { ...page, data: await Promise.all(page.data.map(shape)) };
}
