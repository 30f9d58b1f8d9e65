import assert from "node:assert/strict";
import { exposition } from "../../routes/prometheus.ts";
import { Traffic } from "../../routes/request_metrics.ts";
import { readExposition } from "../support/exposition.ts";

Deno.test("labels, helps and numbers that are awkward come out as they went in", () => {
  const awkward = [
    'a "quoted" one',
    "back\\slash",
    "two\nlines",
    'all \\"\n of it',
    "ünï {x=1} # 2",
  ];
  const text = exposition([{
    name: "x_total",
    help: "First line\nand a \\ second",
    type: "counter",
    samples: awkward.map((of, value) => ({ labels: { of, b: "2" }, value })),
  }, {
    name: "y",
    help: "Limits",
    type: "gauge",
    samples: [NaN, Infinity, -Infinity, 1e21, -0.5].map((value, n) => ({ labels: { n }, value })),
  }, { name: "z", help: "Not known now", type: "gauge", samples: [] }]);
  const families = readExposition(text);
  assert.deepEqual(families.get("x_total")!.samples.map(({ labels }) => labels.of), awkward);
  assert.equal(families.get("x_total")!.help, "First line\nand a \\ second");
  assert.deepEqual(families.get("y")!.samples.map(({ value }) => value), [
    NaN,
    Infinity,
    -Infinity,
    1e21,
    -0.5,
  ]);
  assert.deepEqual(families.get("z")!.samples, []);
});

Deno.test("requests are counted by status, and their times fall into growing buckets", () => {
  const traffic = new Traffic();
  traffic.count("GET", "/v1/jobs/{id}", 200, 0.004);
  traffic.count("GET", "/v1/jobs/{id}", 200, 0.3);
  traffic.count("GET", "/v1/jobs/{id}", 404, 100);
  const families = readExposition(exposition(traffic.families()));
  const route = "/v1/jobs/{id}";
  assert.deepEqual(
    families.get("mcgip_requests_total")!.samples.map(({ labels, value }) => [
      labels.status,
      value,
    ]),
    [["200", 2], ["404", 1]],
  );
  const { samples } = families.get("mcgip_request_seconds")!;
  const bucket = (le: string) =>
    samples.find(({ name, labels }) => name.endsWith("_bucket") && labels.le === le)!.value;
  assert.deepEqual(["0.005", "0.25", "1", "30", "+Inf"].map(bucket), [1, 1, 2, 2, 3]);
  const of = (suffix: string) => samples.find(({ name }) => name.endsWith(suffix))!;
  assert.equal(of("_count").value, 3);
  assert.equal(of("_count").labels.route, route);
  assert.ok(Math.abs(of("_sum").value - 100.304) < 1e-9);
});
