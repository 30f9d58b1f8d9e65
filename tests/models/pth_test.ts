import assert from "node:assert/strict";
import { readPth } from "@/lib/models/pth.ts";
import { InvalidInput } from "@/lib/errors.ts";

const fixture = (name: string) => Deno.readFile(new URL(`../fixtures/${name}`, import.meta.url));

// checkpoint.pth: torch.save({epoch, arch, state_dict, optimizer, ...}) with PyTorch 1.13
Deno.test("pth: tensors of every type and stride come out in row-major f32", async () => {
  const weights = await readPth(await fixture("checkpoint.pth"));
  const conv = weights.get("0.weight")!;
  assert.deepEqual(conv.shape, [4, 3, 3, 3]);
  conv.data.forEach((value, i) => assert.equal(value, Math.fround(Math.fround(i / 7) - 5)));
  assert.deepEqual([...weights.get("half")!.data], [1.5, -2.25, 65504]);
  assert.deepEqual([...weights.get("bf")!.data], [1.5, -3]);
  assert.deepEqual([...weights.get("double")!.data], [Math.fround(1e-3), 2]);
  assert.deepEqual(weights.get("transposed")!.shape, [3, 2]);
  assert.deepEqual([...weights.get("transposed")!.data], [0, 3, 1, 4, 2, 5]);
  assert.deepEqual([...weights.get("slice")!.data], [3, 4, 5, 6]);
  assert.deepEqual([...weights.get("1.num_batches_tracked")!.data], [0]);
  assert.deepEqual(weights.get("1.num_batches_tracked")!.shape, []);
  assert.equal(weights.has("epoch"), false);
});

Deno.test("pth: a pickle that names a function is refused by that name, and nothing runs", async () => {
  await assert.rejects(
    readPth(await fixture("checkpoint_hostile.pth")),
    (error) => error instanceof InvalidInput && /posix\.system|os\.system/.test(error.message),
  );
});

// checkpoint_legacy.pth and .json: by tests/fixtures/checkpoint_legacy.py with PyTorch 1.13
Deno.test("pth: a file of before PyTorch 1.6 gives what PyTorch finds in it", async () => {
  const weights = await readPth(await fixture("checkpoint_legacy.pth"));
  const expected: Record<string, { shape: number[]; data: number[] }> = JSON.parse(
    new TextDecoder().decode(await fixture("checkpoint_legacy.json")),
  );
  for (const [name, { shape, data }] of Object.entries(expected)) {
    const found = weights.get(name)!;
    assert.deepEqual(found.shape, shape, name);
    assert.deepEqual([...found.data], data.map(Math.fround), name);
  }
});

Deno.test("pth: a hostile file of before PyTorch 1.6 is refused by what it names", async () => {
  const good = await fixture("checkpoint_legacy.pth");
  const names = new TextEncoder().encode("ccollections\nOrderedDict\n");
  const at = good.findIndex((_, i) => names.every((byte, k) => good[i + k] === byte));
  assert.ok(at > 0);
  const bad = good.slice();
  bad.set(new TextEncoder().encode("cbuiltins\neval__________\n"), at);
  await assert.rejects(readPth(bad), /it names "builtins.eval__________".*state_dict/);
});

Deno.test("pth: damage and noise are refused as invalid input", async () => {
  for (const name of ["checkpoint.pth", "checkpoint_legacy.pth"]) {
    const good = await fixture(name);
    for (let cut = 0; cut < good.length; cut += 97) {
      await assert.rejects(readPth(good.slice(0, cut)), InvalidInput);
    }
    for (let at = 0; at < good.length; at += 13) {
      const bad = good.slice();
      bad[at] ^= 0x5a;
      await readPth(bad).catch((error) =>
        assert.ok(error instanceof InvalidInput, `${error.stack}`)
      );
    }
  }
});
