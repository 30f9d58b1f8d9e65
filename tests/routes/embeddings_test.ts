/** Feature vectors, layouts and neighbours over HTTP, with a real worker. */
import assert from "node:assert/strict";
import { withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Embedded {
  model: string;
  features: number;
  projection: { method: string; explained?: number[] } | null;
  data: {
    dataset: string | null;
    image: string | null;
    label: string | null;
    vector?: number[];
    point?: number[];
  }[];
}
interface Neighbours {
  novelty: { usual: number; further: number };
  among: string;
  data: { image: string; label: string | null; similarity: number }[];
}

Deno.test("feature vectors, their layout and neighbours agree", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 12);
    const id = await uploadModel(server, "backbone");
    const picture = await (await server.fetch("/v1/datasets/breast/images/P003_CC/image.png"))
      .bytes();
    const ask = <T>(path: string, body?: unknown) =>
      server.json<T>("POST", `/v1/models/backbone/${path}`, body);
    const raw = (path: string, body?: BodyInit) =>
      server.fetch(`/v1/models/backbone/${path}`, { method: "POST", body });

    const all = await ask<Embedded>("embeddings", { dataset: "breast" });
    const vectorOf = (name: string) => all.data.find(({ image }) => image === name)!.vector!;

    await t.step("one vector for each picture, the same however it comes", async () => {
      assert.deepEqual([all.model, all.features, all.projection], [id, 32, null]);
      assert.equal(all.data.length, 12);
      assert.equal(new Set(all.data.map(({ vector }) => vector!.join())).size, 12);
      assert.ok(all.data.every(({ vector, label }) => vector!.length === 32 && label !== null));
      const named = await ask<Embedded>("embeddings", {
        dataset: "breast",
        images: ["P003_CC", "P001_CC"],
      });
      assert.deepEqual(named.data.map(({ image }) => image), ["P003_CC", "P001_CC"]);
      assert.deepEqual(named.data[0].vector, vectorOf("P003_CC"));
      const sent: Embedded = await (await raw("embeddings", picture)).json();
      assert.deepEqual([sent.data[0].dataset, sent.data[0].image], [null, null]);
      assert.deepEqual(sent.data[0].vector, vectorOf("P003_CC"));
      const form = new FormData();
      form.append("a", new Blob([picture]), "a.png");
      form.append("b", new Blob([picture]), "b.png");
      const two: Embedded = await (await raw("embeddings", form)).json();
      assert.deepEqual(two.data.map(({ vector }) => vector), Array(2).fill(vectorOf("P003_CC")));
    });

    await t.step(
      "PCA: distances along both axes are those of the vectors' main variance",
      async () => {
        const { projection, data } = await ask<Embedded>(
          "embeddings?projection=pca&vectors=false",
          {
            dataset: "breast",
          },
        );
        assert.equal(projection!.method, "pca");
        const [first, second] = projection!.explained!;
        assert.ok(first >= second && second > 0 && first + second <= 1 + 1e-9);
        assert.ok(data.every(({ vector, point }) => vector === undefined && point!.length === 2));
        const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
        const variance = (values: number[]) =>
          mean(values.map((value) => (value - mean(values)) ** 2));
        const total = Array.from(
          { length: 32 },
          (_, d) => variance(all.data.map(({ vector }) => vector![d])),
        ).reduce((a, b) => a + b);
        [first, second].forEach((share, axis) => {
          const found = variance(data.map(({ point }) => point![axis])) / total;
          assert.ok(Math.abs(found - share) < 1e-3 * share, `${found}, ${share} expected`);
        });
        assert.ok(Math.abs(mean(data.map(({ point }) => point![0] * point![1]))) < 1e-3 * total);
      },
    );

    await t.step("UMAP: repeatable by its seed", async () => {
      const layout = async (seed: number) => {
        const path = `embeddings?projection=umap&vectors=false&seed=${seed}`;
        const { data } = await ask<Embedded>(path, { dataset: "breast" });
        return data.map(({ point }) => point!);
      };
      const one = await layout(1);
      assert.deepEqual(await layout(1), one);
      assert.notDeepEqual(await layout(2), one);
      assert.equal(new Set(one.map(String)).size, 12);
    });

    await t.step(
      "neighbours are those of the vectors' cosines; a picture is not its own",
      async () => {
        const cosine = (a: number[], b: number[]) => {
          const dot = (p: number[], q: number[]) => p.reduce((sum, v, i) => sum + v * q[i], 0);
          return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
        };
        const expected = all.data
          .map(({ image, label, vector }) => ({
            image: image!,
            label,
            similarity: cosine(vectorOf("P003_CC"), vector!),
          }))
          .sort((a, b) => b.similarity - a.similarity);
        const near = await ask<Neighbours>("neighbours?dataset=breast&image=P003_CC&top=5");
        assert.equal(near.among, "breast");
        const names = (list: { image: string }[]) => list.map(({ image }) => image);
        assert.deepEqual(names(near.data), names(expected.slice(1, 6)));
        near.data.forEach(({ similarity, label }, i) => {
          assert.ok(Math.abs(similarity - expected[i + 1].similarity) < 1e-4);
          assert.equal(label, expected[i + 1].label);
        });
        const sent: Neighbours = await (await raw("neighbours?among=breast&top=3", picture)).json();
        assert.deepEqual(names(sent.data), names(expected.slice(0, 3)));
        assert.ok(Math.abs(sent.data[0].similarity - 1) < 1e-6);
        // Against what is usual: each picture and the nearest of another patient, named like it.
        const usual = all.data.map(({ image, vector }) =>
          Math.max(
            ...all.data.filter((other) => other.image!.split("_")[0] !== image!.split("_")[0])
              .map((other) => cosine(vector!, other.vector!)),
          )
        ).sort((a, b) => a - b);
        const { novelty } = near;
        assert.ok(Math.abs(novelty.usual - usual[usual.length >> 1]) < 1e-4);
        const [{ similarity }] = near.data;
        const further = usual.filter((one) => one <= similarity + 1e-6).length / usual.length;
        assert.ok(Math.abs(novelty.further - further) <= 1 / usual.length + 1e-9);
        assert.equal(sent.novelty.further, 1);
      },
    );

    await t.step("what cannot be done is refused with the reason", async () => {
      const cases: [string, BodyInit | undefined, number, RegExp][] = [
        ["embeddings?projection=tsne", picture, 400, /projection/],
        ["embeddings?projection=pca", picture, 422, /fewer than three/],
        ["embeddings", undefined, 422, /a picture is needed/],
        ["embeddings", "no picture", 422, /Cannot/],
        ["neighbours", picture, 422, /among/],
        ["neighbours?among=none", picture, 404, /"none"/],
        ["neighbours?among=breast", undefined, 422, /a picture is needed/],
      ];
      for (const [path, body, status, detail] of cases) {
        const response = await raw(path, body);
        const problem = await response.json();
        assert.equal(response.status, status, `${path}: ${problem.detail}`);
        assert.match(problem.detail, detail, path);
      }
    });
  });
});
