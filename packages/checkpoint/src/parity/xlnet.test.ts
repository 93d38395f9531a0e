/** XLNet against transformers' XLNetLMHeadModel and its classifier. */
import { start } from "@megatron-ts/engine";
import {
  classificationLosses,
  type ForwardOutput,
  type PermutationInput,
  xlnetConfigSchema,
  xlnetFormat,
} from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

function load(name: string) {
  const fixture = openFixture(name);
  const config = xlnetConfigSchema.parse(xlnetFormat.fromHuggingFace(fixture.config));
  const names = xlnetFormat.names(config);
  return { fixture, config, names, model: buildModel(fixture, { config, names }) };
}
type Loaded = ReturnType<typeof load>;

/** Each row's tokens that are not padding, which stands on the left, as ranges. */
function rangesOf(mask: tf.Tensor): tf.Tensor {
  const [rows, width] = mask.shape as [number, number];
  const visible = mask.arraySync() as number[][];
  const bounds = visible.flatMap((row) => Array.from({ length: width }, () => [row.indexOf(1), width]).flat());
  return tf.tensor3d(bounds, [rows, width, 2], "int32");
}

describe("xlnet", () => {
  let loaded: Loaded;
  beforeAll(() => {
    loaded = load("xlnet");
  });
  const fixture = openFixture("xlnet");
  const plain = (): PermutationInput => ({
    tokens: fixture.tensor("input.plain.input_ids"),
    tokenTypes: fixture.tensor("input.plain.token_type_ids"),
    ranges: rangesOf(fixture.tensor("input.plain.attention_mask")),
  });
  const remembered = () =>
    loaded.model.forward({ tokens: fixture.tensor("input.memory.input_ids") }, { remember: true }).memory!;
  /** target_mapping is one-hot: the place of its one. */
  const targets = () => tf.argMax(fixture.tensor("input.permuted.target_mapping"), -1);
  const permuted = (): PermutationInput => ({
    tokens: fixture.tensor("input.permuted.input_ids"),
    tokenTypes: fixture.tensor("input.permuted.token_type_ids"),
    permutationMask: fixture.tensor("input.permuted.perm_mask"),
    targets: targets(),
    memory: remembered(),
  });
  const seen: Record<string, ReturnType<typeof recorder>["seen"]> = {};
  function run(name: string, input: PermutationInput, options = {}): ForwardOutput {
    const record = recorder();
    seen[name] = record.seen;
    return loaded.model.forward(input, { ...options, observe: record.observe });
  }

  it("plain: hidden states and logits, of padding too", () => {
    const { model } = loaded;
    const { hidden: content, memory } = run("plain", plain());
    expect(memory).toBeUndefined();
    for (const [ours, theirs] of [
      ["embedding", 0],
      ["layers.0.output", 1],
      ["layers.1.output", 2],
    ] as const) {
      expectClose(seen.plain!.get(ours)!, fixture.floats(`output.plain.hidden_states.${theirs}`), { what: ours });
    }
    expectClose(model.logits(content), fixture.floats("output.plain.logits"), { what: "logits" });
  });

  it("reversed: a row counts its positions backwards", () => {
    const { model } = loaded;
    const { hidden: content } = run("reversed", { ...plain(), reversed: [0, 1] });
    expectClose(model.logits(content), fixture.floats("output.reversed.logits"), { what: "logits" });
    expect(() => expectClose(model.logits(content), fixture.floats("output.plain.logits"), { what: "logits" })).toThrow(
      "logits[",
    );
  });

  it("memory: what it keeps of a sequence, and of the next one", () => {
    // Theirs has the tokens before the rows.
    function expectMemory(memory: readonly tf.Tensor[], part: string) {
      expect(memory).toHaveLength(loaded.config.numLayers);
      memory.forEach((tensor, i) => {
        const theirs = fixture.floats(`output.${part}.mems.${i}`);
        expectClose(tf.transpose(tensor, [1, 0, 2]), theirs, { what: `${part} ${i}` });
      });
    }
    expectMemory(remembered(), "memory");
    expectMemory(run("next", permuted(), { remember: true }).memory!, "permuted");
  });

  it("permuted: both streams and the targets' logits, behind a memory", () => {
    const { query } = run("permuted", permuted());
    for (const [ours, layer] of [
      ["embedding", 0],
      ["layers.0.output", 1],
      ["layers.1.output", 2],
    ] as const) {
      const [content, queries] = tf.split(
        tf.tensor(seen.permuted!.get(ours)! as Float32Array, [2, 16, 32]),
        [12, 4],
        1,
      );
      expectClose(content!, fixture.floats(`output.permuted.content.${layer}`), { what: `content ${layer}` });
      expectClose(queries!, fixture.floats(`output.permuted.query.${layer}`), { what: `query ${layer}` });
    }
    expectClose(loaded.model.logits(query!), fixture.floats("output.permuted.logits"), { what: "logits" });
  });

  it.each(["none", "full"] as const)("permuted: loss and every gradient (recompute: %s)", (recompute) => {
    const { model, names, config } = loaded;
    const labels = fixture.tensor("input.permuted.labels").flatten();
    const input = permuted();
    function loss() {
      const logits = model.logits(model.forward(input, { recompute }).query!);
      return tf.mean(crossEntropy(logits.reshape([-1, config.vocabularySize]), { labels }));
    }
    checkGradients(fixture, { ...model, names, loss });
  });
});

describe("xlnet-sequence-classification", () => {
  it("has the reference's logits and loss", () => {
    const { fixture, model } = load("xlnet-sequence-classification");
    const { hidden: content } = model.forward({
      tokens: fixture.tensor("input.input_ids"),
      tokenTypes: fixture.tensor("input.token_type_ids"),
      ranges: rangesOf(fixture.tensor("input.attention_mask")),
    });
    const logits = model.taskLogits(content);
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
    const losses = classificationLosses(logits, { labels: fixture.tensor("input.labels") });
    expectClose(tf.mean(losses), [fixture.facts.loss], { what: "loss" });
  });
});
