/** T5, the original and version 1.1, against transformers' T5ForConditionalGeneration. */
import { start } from "@megatron-ts/engine";
import { relativeBucketOf, t5ConfigSchema, t5Format } from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const lengths = [16, 10, 13];

describe.each(["t5", "t5-v1.1"])("%s", (name) => {
  const fixture = openFixture(name);
  const config = t5ConfigSchema.parse(t5Format.fromHuggingFace(fixture.config));
  const names = t5Format.names(config);
  const load = () => buildModel(fixture, { config, names });
  function run(model: ReturnType<typeof load>, options: Parameters<ReturnType<typeof load>["forward"]>[1] = {}) {
    const memory = model.encode({ tokens: fixture.tensor("input.input_ids"), lengths }, options).hidden;
    const tokens = fixture.tensor("output.decoder_input_ids");
    return model.logits(model.forward({ tokens, memory, memoryLengths: lengths }, options).hidden);
  }

  it("has the reference's hidden states and logits", () => {
    const { seen, observe } = recorder();
    const logits = run(load(), { observe });
    for (const stack of ["encoder", "decoder"]) {
      for (const [ours, theirs] of [
        ["embedding", 0],
        ["layers.0.output", 1],
        ["finalNorm", 2],
      ]) {
        const what = `${stack}.${ours}`;
        expectClose(seen.get(what)!, fixture.floats(`output.${stack}_hidden_states.${theirs}`), { what });
      }
    }
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const model = load();
    const labels = fixture.tensor("input.labels").flatten();
    function loss() {
      const losses = crossEntropy(run(model, { recompute }).reshape([-1, 67]), { labels });
      return tf.div(tf.sum(losses), tf.sum(tf.cast(tf.greaterEqual(labels, 0), "float32")));
    }
    checkGradients(fixture, { ...model, names, loss });
  });

  it("decodes token by token, rows at different places, what it gives at once", () => {
    const model = load();
    const memory = model.encode({ tokens: fixture.tensor("input.input_ids"), lengths }).hidden;
    const ids = fixture.tensor("output.decoder_input_ids");
    const whole = model.forward({ tokens: ids, memory, memoryLengths: lengths }).hidden;
    const cache = model.createCache({ batchSize: 3, capacity: 11 });
    const fed = [0, 0, 0];
    for (const counts of [[3, 1, 2], ...Array(8).fill([1, 1, 1])]) {
      const width = Math.max(...counts);
      const tokens = tf.concat(counts.map((_: number, row: number) => ids.slice([row, fed[row]!], [1, width])));
      const states = model.forward({ tokens, memory, memoryLengths: lengths }, { cache }).hidden;
      counts.forEach((count: number, row: number) => {
        const [own, expected] = [
          states.slice([row, 0, 0], [1, count, -1]),
          whole.slice([row, fed[row]!, 0], [1, count, -1]),
        ];
        expectClose(own, expected.dataSync(), { what: `row ${row}, token ${fed[row]}`, tolerance: 1e-5 });
        fed[row] = fed[row]! + count;
      });
      cache.advance(counts);
    }
    expect(fed).toEqual([11, 9, 10]);
    cache.dispose();
  });
});

it("finds the buckets that the reference finds", () => {
  const fixture = openFixture("t5");
  const distances = fixture.ints("input.buckets.distance");
  for (const kind of ["bidirectional", "causal"]) {
    for (const [numBuckets, maxDistance] of [
      [32, 128],
      [8, 16],
    ] as const) {
      const options = { numBuckets, maxDistance, bidirectional: kind === "bidirectional" };
      const expected = fixture.ints(`output.buckets.${kind}.${numBuckets}_${maxDistance}`);
      expect(distances.map((distance) => relativeBucketOf(distance, options))).toEqual(expected);
    }
  }
});
