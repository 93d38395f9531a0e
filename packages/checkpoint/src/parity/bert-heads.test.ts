/** The task heads against transformers' classifiers and reader. */
import { start } from "@megatron-ts/engine";
import { bertConfigSchema, bertFormat, classificationLosses, robertaFormat, spanLosses } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, expectClose, openFixture } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

function load(name: string) {
  const fixture = openFixture(name);
  const format = name.startsWith("roberta") ? robertaFormat : bertFormat;
  const config = bertConfigSchema.parse(format.fromHuggingFace(fixture.config));
  const model = buildModel(fixture, { config, names: format.names(config) });
  const types = fixture.golden.names.includes("input.token_type_ids")
    ? fixture.tensor("input.token_type_ids")
    : undefined;
  const hidden = model.forward({
    tokens: fixture.tensor("input.input_ids"),
    tokenTypes: types,
    lengths: [16, 11, 14],
  }).hidden;
  return { fixture, model, config, logits: model.taskLogits(hidden) };
}

describe("task heads", () => {
  it.each(["bert-sequence-classification", "bert-token-classification", "roberta-sequence-classification"])(
    "%s: the reference's logits and loss",
    (name) => {
      const { fixture, logits } = load(name);
      expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
      const labels = fixture.tensor("input.labels");
      const counted = labels.dataSync().filter((label) => label >= 0).length;
      const loss = tf.div(tf.sum(classificationLosses(logits, { labels })), counted);
      expectClose(loss, [fixture.facts.loss], { what: "loss" });
    },
  );

  it("knows its classes by name, and which parts it has", () => {
    expect(load("bert-token-classification").config).toMatchObject({
      heads: { pooler: false, languageModel: false, pair: false },
      task: { kind: "token-classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4"] },
    });
    expect(load("bert-sequence-classification").config.heads.pooler).toBe(true);
    expect(load("roberta-sequence-classification").config.heads.pooler).toBe(false);
  });

  it("bert-question-answering: the reference's logits and loss, places beyond the end left out", () => {
    const { fixture, logits } = load("bert-question-answering");
    const [starting, ending] = tf.unstack(logits, 2) as [tf.Tensor, tf.Tensor];
    expectClose(starting, fixture.floats("output.start_logits"), { what: "start" });
    expectClose(ending, fixture.floats("output.end_logits"), { what: "end" });
    const losses = spanLosses(logits, {
      starts: fixture.tensor("input.start_positions"),
      ends: fixture.tensor("input.end_positions"),
    });
    const [starts, ends] = tf.unstack(losses, 1).map((column) => [...column.dataSync()]) as [number[], number[]];
    expect([starts[2], ends[2]]).toEqual([0, 0]);
    const mean = (values: number[]) => (values[0]! + values[1]!) / 2;
    expectClose([(mean(starts) + mean(ends)) / 2], [fixture.facts.loss], { what: "loss" });
  });
});
