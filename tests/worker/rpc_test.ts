/** Calls between processes: answers, errors of each kind, ends, lines cut anywhere. */
import assert from "node:assert/strict";
import { Conflict, Damaged, InvalidInput, NotFound, Overloaded } from "@/lib/errors.ts";
import { abroad, type Message, messages, Peer } from "@/lib/worker/rpc.ts";

function pair(): [Peer, Peer] {
  const right: Peer = new Peer((message) => void left.receive(message), {
    add: ([a, b]: [number, number]) => a + b,
    fail: (kind: string) => {
      throw {
        NotFound: new NotFound("Cannot find it"),
        Conflict: new Conflict("Cannot, it is in use"),
        Overloaded: new Overloaded("Cannot now"),
        InvalidInput: new InvalidInput("Cannot use it", [{ line: 3, message: "bad" }]),
        Error: new Error("Cannot, and did not expect it"),
      }[kind];
    },
    never: () => new Promise(() => {}),
  });
  const left: Peer = new Peer((message) => void right.receive(message), {});
  return [left, right];
}

Deno.test("answers and errors come back to the call that asked", async () => {
  const [left] = pair();
  const sums = await Promise.all([1, 2, 3].map((n) => left.call<number>("add", [n, n])));
  assert.deepEqual(sums, [2, 4, 6]);
  for (const name of ["NotFound", "Conflict", "Overloaded", "InvalidInput", "Error"]) {
    await assert.rejects(left.call("fail", name), { name });
  }
  await assert.rejects(left.call("fail", "InvalidInput"), {
    problems: [{ line: 3, message: "bad" }],
  });
  await assert.rejects(left.call("unknown", {}), /no such method/);
  assert.equal(left.pending, 0);
});

Deno.test("closing fails what waits and what comes later", async () => {
  const [left] = pair();
  const waiting = left.call("never", {});
  left.close("Cannot: it is gone");
  await assert.rejects(waiting, { name: "Unavailable", message: "Cannot: it is gone" });
  await assert.rejects(left.call("add", [1, 1]), { name: "Unavailable" });
});

Deno.test("lines are put together wherever the stream cuts them; other lines are told", async () => {
  const sent: Message[] = [{ method: "ä", params: "x".repeat(1000) }, { id: 2, result: [1] }];
  const text = `warning: driver\n${sent.map((one) => JSON.stringify(one) + "\n").join("")}`;
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 7, 500, bytes.length]) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
    const others: string[] = [];
    const got: Message[] = [];
    for await (const one of messages(ReadableStream.from(parts), (line) => others.push(line))) {
      got.push(one);
    }
    assert.deepEqual([got, others], [sent, ["warning: driver"]]);
  }
});

Deno.test("an error keeps its class, and one of the system's is none of the domain's", async () => {
  const damaged = new Damaged('Cannot use image "a"');
  const right: Peer = new Peer(
    (message) => void left.receive(JSON.parse(JSON.stringify(message))),
    {
      damaged: () => {
        throw damaged;
      },
      missing: () => Deno.readFile(`${import.meta.dirname}/no such file`),
    },
  );
  const left: Peer = new Peer((message) => void right.receive(message), {});
  await assert.rejects(left.call("damaged", {}), (error) => {
    assert.ok(error instanceof Damaged);
    assert.equal(error.message, damaged.message);
    return true;
  });
  await assert.rejects(left.call("missing", {}), (error) => !(error instanceof NotFound));
});

Deno.test("to another machine an error goes without its stack, which has paths of this one", async () => {
  const told: Message[] = [];
  const peer = new Peer((message) => told.push(abroad(message)), {
    fail: () => {
      throw new Error("Cannot");
    },
    add: () => 3,
  });
  await peer.receive({ id: 1, method: "fail" });
  await peer.receive({ id: 2, method: "add" });
  const [failed, added] = JSON.parse(JSON.stringify(told));
  assert.deepEqual(failed, { id: 1, error: { name: "Error", message: "Cannot" } });
  assert.deepEqual(added, { id: 2, result: 3 });
});
