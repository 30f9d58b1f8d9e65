/** Event files, read by a reader in Python that was written from the format's documents. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32c, eventFile } from "@/lib/jobs/event_file.ts";

const python = existsSync("/usr/bin/python3");

Deno.test("the CRC is Castagnoli's", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
});

Deno.test({
  name: `event files hold every scalar${python ? "" : " (skipped: no python3)"}`,
  ignore: !python,
  async fn() {
    const started = new Date("2026-01-02T03:04:05.500Z");
    const told = new Date("2026-01-02T03:05:00Z");
    const rows = [
      { step: 1, epoch: 0, name: "loss", value: 0.1 },
      { step: 1, epoch: 0, name: "Genauigkeit ä/β", value: -3e30 },
      { step: 300, epoch: 1.5, name: "loss", value: null },
      { step: 2 ** 40, epoch: 9, name: "loss", value: 7 },
    ];
    const parts = [...eventFile(rows, { started, steps: new Map([[300, told]]) })];
    const reader = fileURLToPath(new URL("../fixtures/read_event_file.py", import.meta.url));
    const child = new Deno.Command("/usr/bin/python3", {
      args: ["-I", reader],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await ReadableStream.from(parts).pipeTo(child.stdin);
    const { success, stdout, stderr } = await child.output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const found = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const [begin, later] = [started, told].map((time) => time.getTime() / 1000);
    assert.deepEqual(found, [
      { wall_time: begin, step: 0, scalars: {}, version: "brain.Event:2" },
      {
        wall_time: begin,
        step: 1,
        scalars: { loss: Math.fround(0.1), "Genauigkeit ä/β": Math.fround(-3e30) },
      },
      { wall_time: later, step: 300, scalars: { loss: null } },
      { wall_time: later, step: 2 ** 40, scalars: { loss: 7 } },
    ]);
  },
});
