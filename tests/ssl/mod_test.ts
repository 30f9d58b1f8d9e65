/** Each method's loss against its formula, written out in f64 over the embeddings of a small encoder. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { copyToTarget } from "@/gpu/optim/moving_average.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { initialize } from "@/lib/models/initial.ts";
import type { Encoder } from "@/lib/ssl/method.ts";
import { methodOf } from "@/lib/ssl/mod.ts";
import { type MethodName, methodSpecs } from "@/lib/ssl/specs.ts";
import { noise } from "../support/operation.ts";

type Rows = number[][];

const gpu = await openGpu();
const [N, S, F] = [7, 2, 12];

const encoder: Encoder = {
  features: F,
  hidden: 1024,
  apply(tape, x, { prefix }) {
    const [n] = x.shape;
    const w = tape.parameter(`${prefix}weight`, [S * S * 4, F], {
      layout: "linear",
      initial: { kind: "normal", std: 1 },
    });
    return linear(tape, tape.reshape(x, [n, S * S * 4]), w);
  },
};

function rows(data: Float32Array, width: number): Rows {
  return Array.from(
    { length: data.length / width },
    (_, i) => [...data.subarray(i * width, (i + 1) * width)],
  );
}

const dot = (a: number[], b: number[]) => a.reduce((sum, value, d) => sum + value * b[d], 0);
const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** Symmetric soft weights, 1 on the diagonal, about half of the others 0. */
const A: Rows = Array.from(
  { length: N },
  (_, i) =>
    Array.from({ length: N }, (_, j) => {
      const value = noise([N * N], 3).data[Math.min(i, j) * N + Math.max(i, j)];
      return i === j ? 1 : Math.max(0, value);
    }),
);

/** A method on a tape, with `run` that gives its loss, its embeddings and its weights. */
function build(name: MethodName, given: Record<string, unknown>, columns = N) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const made = methodOf(name)(tape, {
    images: N,
    encoder,
    views: (which) => tape.input(`views ${which.join("")}`, [which.length * N, S, S, 4]),
    weights: (columns) => tape.input("A", [N, columns]),
  }, methodSpecs[name].config.parse(given));
  const program = compile(tape, { outputs: [made.loss, ...made.embeddings] });
  initialize(store, 1);
  copyToTarget(store);
  return {
    async run(weights: Rows, seed: number, scalars: Record<string, number> = {}) {
      for (const input of tape.inputs.values()) {
        if (input.name.startsWith("views")) {
          const { data } = noise(input.shape, seed + input.name.length);
          program.write(input.name, data);
        }
      }
      assert.equal(weights[0].length, columns);
      program.write("A", Float32Array.from(weights.flat()));
      program.set(scalars);
      program.run();
      const [loss, ...embeddings] = await program.read(made.loss, ...made.embeddings);
      const width = made.output.shape.at(-1)!;
      return { loss: loss[0], z: embeddings.flatMap((data) => rows(data, width)) };
    },
    /** Values in PyTorch's layout. */
    async weight(name: string): Promise<Rows> {
      const { shape, data } = (await store.read((entry) => entry.name === name)).get(name)!;
      return rows(data, shape.at(-1)!);
    },
    destroy() {
      program.destroy();
      store.destroy();
    },
  };
}

type Made = ReturnType<typeof build>;

/** The predictor: linear, batch norm over each view, ReLU, linear. */
async function predict(made: Made, z: Rows, bias: boolean): Promise<Rows> {
  const [first, last] = [
    await made.weight("predictor.0.weight"),
    await made.weight("predictor.3.weight"),
  ];
  const start = bias ? (await made.weight("predictor.0.bias"))[0] : first.map(() => 0);
  const end = (await made.weight("predictor.3.bias"))[0];
  return [0, 1].flatMap((view) => {
    const y = z.slice(view * N, (view + 1) * N)
      .map((row) => first.map((w, k) => dot(w, row) + start[k]));
    const bent = y.map((row) =>
      row.map((value, k) => {
        const column = y.map((other) => other[k]);
        const mean = column.reduce((sum, v) => sum + v, 0) / N;
        const variance = column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / N;
        return Math.max(0, (value - mean) / Math.sqrt(variance + 1e-5));
      })
    );
    return bent.map((row) => last.map((w, k) => dot(w, row) + end[k]));
  });
}

/** head(P, Z, A) = - sum A cos(P, Z) / sum A, or the mean of that over anchors. */
function headLoss(p: Rows, z: Rows, normalizer: "global" | "anchor"): number {
  const cosines = p.map((a, i) => z.reduce((sum, b, j) => sum + A[i][j] * cosine(a, b), 0));
  const weights = A.map((row) => row.reduce((sum, weight) => sum + weight, 0));
  const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
  if (normalizer === "anchor") return -total(cosines.map((value, i) => value / weights[i])) / N;
  return -total(cosines) / total(weights);
}

/**
 * - sum w log softmax(s) / sum w over rows, or the mean of that over anchors; columns of weight -1 are left
 * out.
 */
function contrastLoss(s: Rows, w: Rows, normalizer: "global" | "anchor"): number {
  const rows = s.map((row, i) => {
    const lse = Math.log(row.reduce((sum, v, j) => w[i][j] < 0 ? sum : sum + Math.exp(v), 0));
    let [top, bottom] = [0, 0];
    row.forEach((value, j) => {
      if (w[i][j] <= 0) return;
      top -= w[i][j] * (value - lse);
      bottom += w[i][j];
    });
    return { top, bottom };
  });
  const sum = (value: (row: typeof rows[number]) => number) =>
    rows.reduce((total, row) => total + value(row), 0);
  if (normalizer === "anchor") return sum(({ top, bottom }) => top / bottom) / rows.length;
  return sum(({ top }) => top) / sum(({ bottom }) => bottom);
}

const close = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 2e-5 * Math.abs(expected), `${value} for ${expected}`);

for (const normalizer of ["global", "anchor"] as const) {
  Deno.test(`byol and simsiam: two heads over weighted pairs, normaliser ${normalizer}`, async () => {
    for (
      const [name, given, scale] of [
        ["byol", { hidden: 8, output: 12 }, 2],
        ["simsiam", { projector: 12, predictor_hidden: 8 }, 0.5],
      ] as const
    ) {
      const made = build(name, { ...given, normalizer });
      const { loss, z } = await made.run(A, 5);
      const p = await predict(made, z, name === "byol");
      // BYOL's target is still equal to the online network.
      const [z1, z2, p1, p2] = [z.slice(0, N), z.slice(N), p.slice(0, N), p.slice(N)];
      close(loss, scale * (headLoss(p1, z2, normalizer) + headLoss(p2, z1, normalizer)));
      made.destroy();
    }
  });
}

for (const normalizer of ["global", "anchor"] as const) {
  Deno.test(`simclr: all four blocks, the own view left out, normaliser ${normalizer}`, async () => {
    const made = build("simclr", { output: 12, temperature: 0.3, normalizer });
    const { loss, z } = await made.run(A, 6);
    const s = z.map((a) => z.map((b) => dot(a, b) / 0.3));
    const w = z.map((_, i) => z.map((_, j) => i === j ? -1 : A[i % N][j % N]));
    close(loss, contrastLoss(s, w, normalizer));
    made.destroy();
  });
}

Deno.test("simclr with pairs of one class and the mean per anchor is SupCon, equation 2", async () => {
  const classes = [0, 1, 0, 2, 1, 0, 1];
  const made = build("simclr", { output: 12, temperature: 0.2, normalizer: "anchor" });
  const { loss, z } = await made.run(
    classes.map((a) => classes.map((b) => Number(a === b))),
    11,
  );
  let expected = 0;
  z.forEach((anchor, i) => {
    const others = [...z.keys()].filter((a) => a !== i);
    const positives = others.filter((p) => classes[p % N] === classes[i % N]);
    const whole = others.reduce((sum, a) => sum + Math.exp(dot(anchor, z[a]) / 0.2), 0);
    for (const p of positives) {
      expected -= Math.log(Math.exp(dot(anchor, z[p]) / 0.2) / whole) / positives.length;
    }
  });
  close(loss, expected / (2 * N));
  made.destroy();
});

for (const normalizer of ["global", "anchor"] as const) {
  Deno.test(`moco: own key, positives of the queue, slots left out, normaliser ${normalizer}`, async () => {
    const M = 16;
    const given = { output: 12, queue: M, temperature: 0.4, split_batch_norm: null, normalizer };
    const made = build("moco", given, M);
    const empty = Array.from({ length: N }, () => new Array(M).fill(-1));
    await made.run(empty, 7, { "queue.at": 0 });
    const queue = (await made.weight("queue")).slice(0, M);
    assert.ok(queue[N - 1].some((value) => value !== 0) && queue[N].every((value) => value === 0));
    const random = rows(noise([N, M], 8).data, M);
    const slots = random.map((row) =>
      row.map((value, j) => j >= N || value < -0.5 ? -1 : Math.max(0, value))
    );
    const { loss, z } = await made.run(slots, 9, { "queue.at": N });
    const [q, k] = [z.slice(0, N), z.slice(N)];
    const s = q.map((a, i) => [k[i], ...queue].map((b) => dot(a, b) / 0.4));
    close(loss, contrastLoss(s, slots.map((row) => [1, ...row]), normalizer));
    made.destroy();
  });
}

/** Columns less their mean. */
function centred(z: Rows): Rows {
  const mean = z[0].map((_, d) => z.reduce((sum, row) => sum + row[d], 0) / z.length);
  return z.map((row) => row.map((value, d) => value - mean[d]));
}

/** sum_n a_nd b_ne for all d, e. */
const products = (a: Rows, b: Rows): Rows =>
  a[0].map((_, d) => b[0].map((_, e) => a.reduce((sum, row, n) => sum + row[d] * b[n][e], 0)));

const sumOf = (m: Rows, value: (v: number, i: number, j: number) => number) =>
  m.reduce((sum, row, i) => row.reduce((sum, v, j) => sum + value(v, i, j), sum), 0);

Deno.test("vicreg: invariance over pairs, variance and covariance of both views", async () => {
  const made = build("vicreg", { projector: 12, covariance_weight: 3 });
  const { loss, z } = await made.run(A, 12);
  const [a, b] = [z.slice(0, N), z.slice(N)];
  const D = a[0].length;
  const squares = (i: number, j: number) => a[i].reduce((sum, v, d) => sum + (v - b[j][d]) ** 2, 0);
  const pairs = sumOf(A, (w, i, j) => w * squares(i, j)) / (D * sumOf(A, (w) => w));
  const views = [a, b].map(centred).map((rows) => {
    const c = products(rows, rows);
    const hinge = c.reduce((sum, row, d) =>
      sum + Math.max(0, 1 - Math.sqrt(row[d] / (N - 1) + 1e-4)), 0) / D;
    return 12.5 * hinge + 3 * sumOf(c, (v, i, j) => i === j ? 0 : (v / (N - 1)) ** 2) / D;
  });
  close(loss, 25 * pairs + views[0] + views[1]);
  made.destroy();
});

Deno.test("barlow twins: the cross-correlation over pairs becomes the identity", async () => {
  const made = build("barlow_twins", { projector: 12, redundancy_weight: 0.1, scale: 0.5 });
  const { loss, z } = await made.run(A, 13);
  const [a, b] = [z.slice(0, N), z.slice(N)].map(centred).map((rows) => {
    const variance = products(rows, rows).map((row, d) => row[d] / N);
    return rows.map((row) => row.map((value, d) => value / Math.sqrt(variance[d] + 1e-5)));
  });
  const whole = sumOf(A, (w) => w);
  const mixed = A.map((weights) =>
    b[0].map((_, d) => weights.reduce((sum, w, j) => sum + w * b[j][d], 0) / whole)
  );
  const c = products(a, mixed);
  close(loss, 0.5 * sumOf(c, (v, i, j) => i === j ? (v - 1) ** 2 : 0.1 * v ** 2));
  made.destroy();
});

for (const normalizer of ["global", "anchor"] as const) {
  Deno.test(`moco_v3: both views against the batch's keys, normaliser ${normalizer}`, async () => {
    const made = build("moco_v3", { hidden: 8, output: 12, temperature: 0.3, normalizer });
    const { loss, z } = await made.run(A, 14);
    const normal = (rows: Rows, bend: boolean) => {
      const c = centred(rows);
      const variance = products(c, c).map((row, d) => row[d] / N);
      return c.map((row) =>
        row.map((v, d) => {
          const value = v / Math.sqrt(variance[d] + 1e-5);
          return bend ? Math.max(0, value) : value;
        })
      );
    };
    const apply = (rows: Rows, w: Rows) => rows.map((row) => w.map((weights) => dot(weights, row)));
    const [first, last] = [
      await made.weight("predictor.0.weight"),
      await made.weight("predictor.3.weight"),
    ];
    // The key encoder is still equal to the other one.
    const keys = [z.slice(0, N), z.slice(N)];
    const queries = keys.map((z) => normal(apply(normal(apply(z, first), true), last), false));
    const contrast = (a: number, b: number) =>
      contrastLoss(
        queries[a].map((q) => keys[b].map((k) => cosine(q, k) / 0.3)),
        A,
        normalizer,
      );
    close(loss, 0.6 * (contrast(0, 1) + contrast(1, 0)));
    made.destroy();
  });

  Deno.test(`dino: the teacher's distribution of pairs, centred, normaliser ${normalizer}`, async () => {
    const config = { hidden: 8, bottleneck: 12, prototypes: 10, center_momentum: 0.75, normalizer };
    const made = build("dino", config);
    const softmax = (row: number[]) => {
      const most = Math.max(...row);
      const powers = row.map((v) => Math.exp(v - most));
      const sum = powers.reduce((total, v) => total + v, 0);
      return powers.map((v) => v / sum);
    };
    let center = new Array(10).fill(0);
    for (const seed of [15, 16, 17]) {
      const { loss, z } = await made.run(A, seed);
      const w = await made.weight("prototypes.weight");
      const logits = z.map((row) => w.map((weights) => cosine(row, weights)));
      const p = logits.map((row) => softmax(row.map((v, k) => (v - center[k]) / 0.04)));
      const targets = logits.map((_, i) =>
        center.map((_, k) =>
          A[i % N].reduce((sum, weight, j) => sum + weight * p[i < N ? N + j : j][k], 0)
        )
      );
      close(loss, contrastLoss(logits.map((row) => row.map((v) => v / 0.1)), targets, normalizer));
      center = center.map((old, k) =>
        0.75 * old + 0.25 * logits.reduce((sum, row) => sum + row[k], 0) / (2 * N)
      );
    }
    made.destroy();
  });
}

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
