/** Counts of requests, for `/metrics`. */
import type { Family, Sample } from "./prometheus.ts";

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

  families(): Family[] {
    const all = [...this.#series.values()];
    return [
      {
        name: "mcgip_requests_total",
        help: "Requests answered, by method, route and status.",
        type: "counter",
        samples: all.flatMap(({ method, route, count }) =>
          [...count].map(([status, value]) => ({ labels: { method, route, status }, value }))
        ),
      },
      {
        name: "mcgip_request_seconds",
        help: "Time from the head of a request to the head of its answer.",
        type: "histogram",
        samples: all.flatMap(histogram),
      },
    ];
  }
}

function histogram({ method, route, count, buckets, seconds }: Series): Sample[] {
  const labels = { method, route };
  const total = count.values().reduce((sum, n) => sum + n, 0);
  return [
    ...bounds.map((le, i): Sample => ({
      suffix: "_bucket",
      labels: { ...labels, le },
      value: buckets[i],
    })),
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: total },
    { suffix: "_sum", labels, value: seconds },
    { suffix: "_count", labels, value: total },
  ];
}
