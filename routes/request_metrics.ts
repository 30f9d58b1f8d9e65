/** Counts of requests, for `/metrics`. */

/** Upper bounds of the buckets of durations, seconds. */
const bounds = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30];

interface Series {
  method: string;
  route: string;
  /** By status. */
  count: Map<number, number>;
  buckets: number[];
  seconds: number;
}

export class Traffic {
  readonly #series = new Map<string, Series>();

  /** `route` is a pattern, never a path: names of images stay out of the figures. */
  count(method: string, route: string, status: number, seconds: number): void {
    const key = `${method} ${route}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { method, route, count: new Map(), buckets: bounds.map(() => 0), seconds: 0 };
      this.#series.set(key, series);
    }
    series.count.set(status, (series.count.get(status) ?? 0) + 1);
    series.seconds += seconds;
    bounds.forEach((bound, i) => {
      if (seconds <= bound) series.buckets[i]++;
    });
  }

  /** Lines in Prometheus' text format. */
  *lines(): Generator<string> {
    yield "# TYPE mcgip_requests_total counter";
    for (const { method, route, count } of this.#series.values()) {
      for (const [status, n] of count) {
        yield `mcgip_requests_total{method="${method}",route="${route}",status="${status}"} ${n}`;
      }
    }
    yield "# TYPE mcgip_request_seconds histogram";
    for (const { method, route, count, buckets, seconds } of this.#series.values()) {
      const labels = `method="${method}",route="${route}"`;
      const total = [...count.values()].reduce((sum, n) => sum + n, 0);
      for (let i = 0; i < bounds.length; i++) {
        yield `mcgip_request_seconds_bucket{${labels},le="${bounds[i]}"} ${buckets[i]}`;
      }
      yield `mcgip_request_seconds_bucket{${labels},le="+Inf"} ${total}`;
      yield `mcgip_request_seconds_sum{${labels}} ${seconds.toFixed(6)}`;
      yield `mcgip_request_seconds_count{${labels}} ${total}`;
    }
  }
}
