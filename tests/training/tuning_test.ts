/** The selection of variants: measured once per device, held within a job. */
import assert from "node:assert/strict";
import { deviceName } from "@/gpu/autotune.ts";
import { candidates, keyOf } from "@/gpu/convolution/selection.ts";
import type { Gpu } from "@/gpu/device.ts";
import { openGpu } from "@/gpu/device.ts";
import { conv2d } from "@/gpu/ops/conv2d.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { Tape } from "@/gpu/tape.ts";
import { resolveNetwork } from "@/lib/specs/network.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { pretrainTape } from "@/lib/training/pretrainer.ts";
import { selectVariants } from "@/lib/training/tuning.ts";
import { insertClasses } from "../support/classes.ts";
import { queued, recorded, runJob } from "../support/context.ts";
import { withStore } from "../support/temporary.ts";

const gpu = await openGpu();
const shape = { N: 2, H: 4, W: 4, C: 4, K: 8, R: 3, S: 3, stride: 1, padding: 1 };
const key = keyOf("forward", shape);
const request = {
  ...{ kind: "pretrain", dataset: "discs", method: "byol", arm: "labels" },
  ...{ width: 4, image_size: 16, channels: 1, config: { hidden: 8, output: 4 } },
  ...{ epochs: 2, batch_size: 8, report_every: 1 },
};

function build(): Tape {
  const tape = new Tape(new ParameterStore(gpu));
  const w = tape.parameter("w", [3, 3, 4, 8], { initial: { kind: "constant", value: 0 } });
  conv2d(tape, tape.input("x", [2, 4, 4, 4]), w, { padding: 1 });
  return tape;
}

Deno.test("variants: measured once per device, and a job keeps those that it began with", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const contextOf = async (of: Gpu = gpu) => {
      const job = await queued(store, request);
      return recorded({ store, gpu: of, job, checkpoints: store.checkpoints(job.id) });
    };
    const first = await contextOf();
    const selected = await selectVariants(first, "on", build);
    assert.deepEqual(Object.keys(selected), [key]);
    assert.deepEqual(first.events.map(({ data }) => data.measured), [1]);
    assert.deepEqual(await store.tuning.ofDevice(deviceName(gpu)), selected);

    const second = await contextOf();
    assert.deepEqual(await selectVariants(second, "on", build), selected);
    assert.deepEqual(second.events.map(({ data }) => data.measured), [0], "known by then");

    await store.db.run("UPDATE tuning SET variant = 'tiled 32'");
    assert.deepEqual(
      await selectVariants(first, "on", build),
      selected,
      "the job goes on as it began",
    );
    assert.deepEqual(await selectVariants(await contextOf(), "on", build), { [key]: "tiled 32" });
    const other = { ...gpu, info: { ...gpu.info, description: "another", software: false } };
    const elsewhere = await contextOf(other);
    await selectVariants(elsewhere, "auto", build);
    assert.deepEqual(elsewhere.events.map(({ data }) => data.measured), [1], "another device");

    // The job goes on there: chosen anew, and told; back here it goes on as it began.
    const moved = recorded({ store, gpu: other, job: first.job, checkpoints: first.checkpoints });
    await selectVariants(moved, "auto", build);
    assert.match(String(moved.events[0].data.message), /this adapter is another/);
    assert.deepEqual(Object.keys(await store.tuning.ofJob(first.job.id)).length, 2);
    assert.deepEqual(await selectVariants(first, "on", build), selected);
    // A driver that was exchanged computes it no more.
    await store.tuning.setOfJob(first.job.id, deviceName(gpu), { [key]: "of before" });
    const events = first.events.length;
    assert.notEqual((await selectVariants(first, "on", build))[key], "of before");
    assert.match(String(first.events[events].data.message), /"of before" for .* chosen anew/);
  }));

Deno.test("variants: none where they are off, or automatic on a software driver", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const none = () => assert.fail("nothing is measured");
    const software = { ...gpu, info: { ...gpu.info, software: true } };
    for (const [mode, of] of [["off", gpu], ["auto", software]] as const) {
      const job = await queued(store, request);
      const context = recorded({ store, gpu: of, job, checkpoints: store.checkpoints(job.id) });
      assert.deepEqual(await selectVariants(context, mode, none), {});
      assert.deepEqual(await store.tuning.ofJob(job.id), { [deviceName(of)]: {} });
    }
  }));

Deno.test("pretrain: runs by the variants that it selected, tells them, and goes on with them after a stop", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const device = deviceName(gpu);
    const { context: plain, result: untuned } = await runJob(
      gpu,
      store,
      await queued(store, request),
    );
    assert.ok(
      plain.events.some(({ data }) => /MiB of GPU memory are planned/.test(`${data.message}`)),
    );
    const model = await store.models.get(untuned!.model as string);
    assert.deepEqual(model.lineage.choices, {});
    // All but one pass are known already, by other variants than the defaults.
    const spec = await resolveNetwork(parsePretrain(request), store) as Parameters<
      typeof encoder
    >[0];
    const { passes } = pretrainTape(gpu, spec as never, encoder(spec), { batch: 8 }).tape;
    const [missing, ...rest] = [...passes];
    await store.tuning.add(
      device,
      Object.fromEntries(rest.map(([name, { pass, shape }]) => [
        name,
        candidates(gpu, pass, shape).findLast((name) => /^(direct|tiled 32)/.test(name))!,
      ])),
    );
    const job = await queued(store, { ...request, tuning: "on" });
    assert.equal((await runJob(gpu, store, job, { stopAt: 5 })).result, undefined);
    assert.ok(missing[0] in await store.tuning.ofDevice(device));
    const begun = (await store.tuning.ofJob(job.id))[device];
    assert.equal(Object.keys(begun).length, passes.size);
    await store.db.run("UPDATE tuning SET variant = 'direct'");
    const { result } = await runJob(gpu, store, job);
    const tuned = await store.models.get(result!.model as string);
    assert.deepEqual(tuned.lineage.choices, begun);
    const read = async ({ file }: typeof model) =>
      readSafetensors(await store.files.read(file)).tensors.get("conv1.weight")!.data;
    const [a, b] = [await read(model), await read(tuned)];
    const far = Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    assert.ok(far < 1e-2, `the same training but for rounding, ${far} apart`);
  }));
