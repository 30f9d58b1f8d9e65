/** What a check of `deno task doctor` has found. */

export type Verdict = "ok" | "warning" | "fault";

export interface Finding {
  /** What was looked at, one word or two. */
  check: string;
  verdict: Verdict;
  found: string;
  /** What to type or to change; of every warning and fault. */
  advice?: string;
}

export const ok = (check: string, found: string): Finding => ({ check, verdict: "ok", found });

export const warning = (check: string, found: string, advice: string): Finding => ({
  ...{ check, verdict: "warning", found, advice },
});

export const fault = (check: string, found: string, advice: string): Finding => ({
  ...{ check, verdict: "fault", found, advice },
});
