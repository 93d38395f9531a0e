/** Scores of summaries: rouge-score's own numbers are checked in packages/metrics. */

import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { beforeAll, describe, expect, it } from "vitest";
import { summarization } from "./summarization.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

describe("summarization", () => {
  it("reads several references, of which the best counts", async () => {
    const specialTokens = ["<pad>", "</s>"];
    const tokenizer = await createTokenizer(await trainBpe(["a text"], { vocabularySize: 260, specialTokens }));
    const sizes = { numLayers: 1, hiddenSize: 8, numHeads: 1, vocabularySize: 260 };
    const { config, dispose } = createModel({ family: "t5", ...sizes }, { weights: { seed: 1 } });
    const settings = { columns: { summary: "short" }, maxTokens: 20 };
    const task = summarization.open(config, { tokenizer, settings });
    const values = { text: "Two dogs ran home.", short: ["A cat sleeps.", "Two dogs run."] };
    const example = task.read({ values, source: "x.jsonl", line: 4 }, { labelled: true });
    const scores = task.createScores();
    scores.add(example, { text: "two dogs running", score: 0 });
    expect(scores.result()).toEqual({
      rouge1: { value: 100 },
      rouge2: { value: 100 },
      rougeL: { value: 100 },
      rougeLsum: { value: 100 },
    });
    expect(scores.result({ intervals: true }).rougeL).toEqual({ value: 100, interval: 0 });
    const named = {
      values: { ...values, text: "1. One\n2. Two\n3. Three\n4. Four", short: "In May Ann paid 20 euros." },
    };
    const kept = task.createScores();
    kept.add(task.read({ ...named, source: "x", line: 1 }, { labelled: true }), {
      text: "ann paid 20 in May",
      score: 0,
    });
    // Of May, Ann and 20, May and 20 are there.
    expect(kept.result().factsKept!.value).toBeCloseTo(200 / 3, 10);
    const rows = [example, example].map(() => ({ ...named, source: "x", line: 1 }));
    expect(task.baselines!(rows)).toMatchObject({
      "lead-3": [{ text: "1. One\n2. Two\n3. Three" }, {}],
      "best constant string": [{ text: "In May Ann paid 20 euros." }, {}],
    });
    const none = { values: { ...values, short: [" "] }, source: "x.jsonl", line: 4 };
    expect(() => task.read(none, { labelled: true })).toThrow(/x\.jsonl:4: the summary is empty/);
    dispose();
  });
});
