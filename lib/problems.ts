/** What zod found wrong with an input, as problems with JSON pointers. */
import type { z } from "zod";
import type { Problem } from "./errors.ts";

/** `under` is the path of what was parsed within the request. */
export function problemsOf(error: z.ZodError, under: PropertyKey[] = []): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = [...under, ...issue.path];
    if (issue.code !== "unrecognized_keys") {
      return [{ pointer: pointerTo(path), message: issue.message }];
    }
    return issue.keys.map((key) => ({
      pointer: pointerTo([...path, key]),
      message: "this field is not known",
    }));
  });
}

function pointerTo(path: PropertyKey[]): string {
  return path.map((key) => "/" + String(key).replaceAll("~", "~0").replaceAll("/", "~1")).join("");
}
