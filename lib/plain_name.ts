/** Names that people give, and that terminals and logs show. */
import { z } from "zod";

/** Control characters: a terminal would take them for orders. */
export const CONTROL = /\p{Cc}/u;

/** Of 1 to 200 characters, none of which is a control character. */
export const plainName = z.string().min(1).max(200)
  .refine((name) => !CONTROL.test(name), "a name without control characters is needed");
