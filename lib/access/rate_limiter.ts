/**
 * How many requests a key may send: a bucket of `burst` tokens that `rate` tokens a second flow into; a request takes
 * one. Ours, because the kept libraries for Hono count in fixed windows of one length for all, and bring a store.
 */

export interface Rate {
  /** Tokens a second. */
  rate: number;
  /** Most tokens; null: as many as come in a second, at least one. */
  burst: number | null;
}

export interface Taken {
  allowed: boolean;
  burst: number;
  /** Whole tokens that are left. */
  remaining: number;
  /** Until a token is there, seconds. */
  wait: number;
  /** Until the bucket is full, seconds. */
  full: number;
}

export class RateLimiter {
  readonly #buckets = new Map<string, { tokens: number; time: number }>();

  /** @param now by a clock that nobody sets, ms */
  take(id: string, { rate, burst: given }: Rate, now: number = performance.now()): Taken {
    const burst = given ?? Math.max(1, Math.floor(rate));
    const bucket = this.#buckets.get(id) ?? { tokens: burst, time: now };
    const flown = (now - bucket.time) / 1000 * rate;
    const tokens = Math.min(burst, bucket.tokens + flown);
    // Ten requests at a tenth of a second are ten, whatever their sum is in floating point.
    const allowed = tokens >= 1 - 1e-9;
    const left = Math.max(0, allowed ? tokens - 1 : tokens);
    this.#buckets.set(id, { tokens: left, time: now });
    return {
      allowed,
      burst,
      remaining: Math.floor(left + 1e-9),
      wait: Math.max(0, 1 - left) / rate,
      full: (burst - left) / rate,
    };
  }
}
