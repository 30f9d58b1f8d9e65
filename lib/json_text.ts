/** JSON from outside. */
import type { z } from "zod";
import { limits } from "./config.ts";
import { type Problem, problemsOf } from "./problems.ts";

/** A text that is no JSON, or deeper than is read; the message is a whole sentence. */
export class MalformedJson extends Error {
  override name = "MalformedJson";
}

/** Text and value. @throws {MalformedJson} */
export function parseJsonText(bytes: Uint8Array): { text: string; value: unknown } {
  if (bytes.length === 0) {
    throw new MalformedJson(
      "Cannot read the body as JSON: it is empty; an object is needed, like {}",
    );
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedJson(`Cannot read the body as JSON: ${(error as Error).message}`);
  }
  if (depthOf(value) > limits.jsonDepth) {
    throw new MalformedJson(`Cannot read JSON of more than ${limits.jsonDepth} levels`);
  }
  return { text, value };
}

/** An answer of HTTP's own, as it can be sent between threads. */
export interface Refusal {
  status: number;
  message: string;
  errors: Problem[];
}

/** Problems that are told of one body. */
export const MOST_TOLD = 100;

/** The value of a body that `schema` describes. */
export function parseBody<Schema extends z.ZodType>(
  bytes: Uint8Array,
  schema: Schema,
): { value: z.output<Schema> } | { refusal: Refusal } {
  try {
    const { success, data, error } = schema.safeParse(parseJsonText(bytes).value);
    if (success) return { value: data };
    const message = "Cannot accept this request";
    return { refusal: { status: 422, message, errors: problemsOf(error).slice(0, MOST_TOLD) } };
  } catch (error) {
    if (!(error instanceof MalformedJson)) throw error;
    return { refusal: { status: 400, message: error.message, errors: [] } };
  }
}

/** Levels of arrays and objects, without recursion; values that are none are not gathered. */
function depthOf(value: unknown): number {
  let depth = 0;
  const inside: object[] = [];
  const look = (one: unknown) => {
    if (typeof one === "object" && one !== null) inside.push(one);
  };
  look(value);
  for (; inside.length > 0 && depth <= limits.jsonDepth; depth++) {
    for (const one of inside.splice(0)) {
      if (Array.isArray(one)) { for (const entry of one) look(entry); }
      else for (const entry of Object.values(one)) look(entry);
    }
  }
  return depth;
}
