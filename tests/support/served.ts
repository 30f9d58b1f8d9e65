/** Answers of a predictor that a test serves itself. */
import type { Predictor } from "@/lib/inference/predictor.ts";

/** Serves until all that was asked is answered: each looks its model up first, and waits only then. */
export async function served<T>(predictor: Predictor, asked: Promise<T>): Promise<T> {
  let over = false;
  const answered = asked.finally(() => over = true);
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve));
    await predictor.serve();
  }
  return await answered;
}
