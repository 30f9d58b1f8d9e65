/** Similarity maps and Grad-CAM over HTTP, with a real worker. */
import assert from "node:assert/strict";
import { decodeImage } from "@/lib/images/decode.ts";
import { withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Made {
  model: string;
  dataset: string | null;
  image: string | null;
  height: number;
  width: number;
  image_height: number;
  image_width: number;
  values: number[];
  grid: { columns: number; rows: number };
  warnings: string[];
  agreement: Record<string, unknown> | null;
}
interface Explained extends Made {
  class: string;
  probabilities: Record<string, number>;
}

Deno.test("maps over an image: of its file, of its name, as numbers and as pictures", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    const classifier = await uploadModel(server, "classifier", { classes: ["a", "b"] });
    const backbone = await uploadModel(server, "backbone", { channels: 1, image_size: 96 });
    const picture = await (await server.fetch("/v1/datasets/breast/images/P001_CC/image.png"))
      .bytes();
    const ask = (path: string, body?: BodyInit, headers: Record<string, string> = {}) =>
      server.fetch(`/v1/models/${path}`, { method: "POST", body, headers });
    const json = async <T>(response: Response): Promise<T> => {
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text);
    };
    const stored = "dataset=breast&image=P001_CC";

    await t.step(
      "similarity to a point: 1 there, as large as the image, by name and by file",
      async () => {
        const made = await json<Made>(await ask(`${backbone}/similarity-map?x=5&y=35&${stored}`));
        assert.deepEqual([made.width, made.height, made.model], [32, 40, backbone]);
        assert.deepEqual([made.dataset, made.image], ["breast", "P001_CC"]);
        assert.deepEqual(made.grid, { columns: 3, rows: 3 });
        assert.match(made.warnings.join(), /3 rows and 3 columns of cells: so few hardly tell/);
        assert.equal(made.values.length, 32 * 40);
        // The point lies in the lower left cell, whose corner the enlarged map repeats.
        assert.equal(made.values[39 * 32], 1);
        assert.ok(made.values.every((value) => value >= 0 && value <= 1));
        assert.ok(new Set(made.values).size > 100);
        const other = await json<Made>(
          await ask("backbone/similarity-map?x=30&y=5&size=20&" + stored),
        );
        assert.deepEqual([other.width, other.height, other.values[15]], [16, 20, 1]);
        assert.deepEqual([other.image_width, other.image_height], [32, 40]);
        const sent = await json<Made>(
          await ask(`${backbone}/similarity-map?x=5&y=35`, picture, {
            "content-type": "image/png",
          }),
        );
        assert.deepEqual(sent.values, made.values);
        assert.deepEqual([sent.dataset, sent.agreement], [null, null]);
      },
    );

    await t.step("Grad-CAM of the predicted class, and of a named one", async () => {
      const made = await json<Explained>(await ask(`classifier/saliency?${stored}`));
      const { data: [predicted] } = await server.json<
        { data: { label: string; probabilities: Record<string, number> }[] }
      >("POST", `/v1/models/${classifier}/predictions`, { dataset: "breast", images: ["P001_CC"] });
      assert.equal(made.class, predicted.label);
      for (const [name, value] of Object.entries(predicted.probabilities)) {
        assert.ok(Math.abs(made.probabilities[name] - value) < 1e-5);
      }
      const named = await json<Explained>(
        await ask(`${classifier}/saliency?class=${made.class}&${stored}`),
      );
      assert.deepEqual(named, made);
      const other = made.class === "a" ? "b" : "a";
      const against = await json<Explained>(
        await ask(`${classifier}/saliency?class=${other}`, picture),
      );
      assert.equal(against.class, other);
      assert.notDeepEqual(against.values, made.values);
      assert.ok([...made.values, ...against.values].every((value) => value >= 0));
    });

    await t.step("a map of one cell, or of nothing, is told as what it is", async () => {
      const one = await uploadModel(server, "small", { classes: ["a", "b"], image_size: 32 });
      const sensed = await json<Made>(await ask(`${one}/similarity-map?x=5&y=35&${stored}`));
      assert.ok(sensed.values.every((value) => value === 1));
      assert.deepEqual(sensed.grid, { columns: 1, rows: 1 });
      assert.match(sensed.warnings.join(), /^The network's last map has 1 row and 1 column/);
      // Of two classes' sums one may be below 0 for all cells; only then is nothing told.
      for (const name of ["a", "b"]) {
        const made = await json<Explained>(await ask(`${one}/saliency?class=${name}&${stored}`));
        const nothing = made.values.every((value) => value === 0);
        assert.equal(made.warnings.some((text) => /few hardly tell/.test(text)), true);
        assert.equal(
          made.warnings.includes(
            `All values are 0: nothing in the picture speaks for "${name}"`,
          ),
          nothing,
        );
      }
    });

    await t.step("agreement with gaze, of all readers or of one", async () => {
      const path = `${backbone}/similarity-map?x=16&y=20&${stored}`;
      const { agreement: all } = await json<Made>(await ask(path));
      const readers = all!.readers as string[];
      assert.equal(readers.length, 2);
      for (const [name, least] of [["cc", -1], ["nss", -10], ["iou_top_20", 0]] as const) {
        assert.ok((all![name] as number) >= least && (all![name] as number) < 10, name);
      }
      const { agreement: one } = await json<Made>(await ask(`${path}&reader=${readers[0]}`));
      assert.deepEqual(one!.readers, readers.slice(0, 1));
      assert.ok((one!.fixations as number) < (all!.fixations as number));
      const { agreement: none } = await json<Made>(await ask(`${path}&reader=nobody`));
      assert.equal(none, null);
    });

    await t.step("as PNG: over the image, or alone", async () => {
      const accept = { accept: "image/png" };
      const pictures: Uint8Array[] = [];
      for (const rest of ["", "&picture=map", "&size=16"]) {
        const response = await ask(`classifier/saliency?${stored}${rest}`, undefined, accept);
        assert.equal(response.headers.get("content-type"), "image/png");
        const { width, height, channels, data } = await decodeImage(await response.bytes());
        assert.deepEqual(
          [width, height, channels],
          rest === "&size=16" ? [13, 16, 3] : [32, 40, 3],
        );
        pictures.push(new Uint8Array(data));
      }
      assert.notDeepEqual(pictures[0], pictures[1]);
      const sent = await ask("backbone/similarity-map?x=1&y=1", picture, accept);
      assert.equal((await decodeImage(await sent.bytes())).width, 32);
    });

    await t.step("what cannot be mapped is refused with the reason", async () => {
      const cases: [string, BodyInit | undefined, number, RegExp][] = [
        [
          `backbone/similarity-map?${stored}`,
          undefined,
          400,
          /without the parameter x \(The point, image pixels from the left\)/,
        ],
        [
          `backbone/similarity-map?x=left&y=1&${stored}`,
          undefined,
          400,
          /x: a number is needed, not "left"/,
        ],
        [`backbone/similarity-map?x=33&y=1&${stored}`, undefined, 422, /32 x 40 pixels/],
        ["backbone/similarity-map?x=-1&y=1", picture, 400, /x/],
        ["backbone/similarity-map?x=1&y=1", undefined, 422, /a picture is needed/],
        ["backbone/similarity-map?x=1&y=1&dataset=breast", undefined, 422, /a picture is needed/],
        [`backbone/similarity-map?x=1&y=1&${stored}`, picture, 422, /two pictures/],
        ["backbone/similarity-map?x=1&y=1", "no picture", 422, /Cannot/],
        ["backbone/similarity-map?x=1&y=1&dataset=breast&image=no", undefined, 404, /image "no"/],
        [`backbone/saliency?${stored}`, undefined, 422, /it has no classes/],
        [`classifier/saliency?class=c&${stored}`, undefined, 422, /the classes are "a", "b"/],
        [`nothing/saliency?${stored}`, undefined, 404, /model "nothing"/],
      ];
      const told = await ask(`classifier/saliency?${stored}`, '{"class": "a"}', {
        "content-type": "application/json",
      });
      assert.equal(told.status, 422);
      assert.match(
        (await told.json()).detail,
        /a body of application\/json: a picture itself is needed/,
      );
      for (const [path, body, status, detail] of cases) {
        const response = await ask(path, body);
        const problem = await response.json();
        assert.equal(response.status, status, `${path}: ${problem.detail}`);
        assert.match(problem.detail, detail, path);
      }
    });
  });
});
