/**
 * What is known of a contrastive method without its device code, for requests, plans and tables. The method
 * itself stands beside it: `x_spec.ts` here, `x.ts` on the GPU.
 */
import type { z } from "zod";
import type { Described } from "@/lib/choice.ts";

export interface MethodSpec<Config extends z.ZodObject = z.ZodObject> extends Described {
  /** What a request may set: strict, with the paper's defaults. */
  config: Config;
  /** Passes through the backbone per image and epoch; a backward pass counts as two. */
  passes: number;
  /** Settings by which an image's earlier keys are positive; absent where a batch is all that there is. */
  ownKeys?: Partial<z.output<Config>>;
}
