/** What is wrong with an input, place by place. */
import { z } from "zod";

/** Where in the input a problem lies. */
export const problemSchema = z.object({
  pointer: z.string().optional().describe("JSON pointer into the request body"),
  file: z.string().optional().describe("File inside an archive, or the uploaded file"),
  line: z.number().optional().describe("From 1"),
  column: z.number().optional(),
  message: z.string(),
}).meta({ id: "InputProblem" });
export type Problem = z.output<typeof problemSchema>;

/** What zod found wrong, with JSON pointers; `under` is the path of what was parsed within the request. */
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
