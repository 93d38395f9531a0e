/** Zero-shot tests of language models: their scores against log-softmax in plain JavaScript, ties, and what they refuse. */
import { start } from "@megatron-ts/engine";
import { detokenizeWikitext } from "@megatron-ts/metrics";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { OutputError } from "./errors.ts";
import { openTrainedTask, predictAll, scorePredictions } from "./index.ts";
import { scoreTexts } from "./score-tokens.ts";

const model = () =>
  createModel(
    {
      family: "gpt",
      numLayers: 1,
      hiddenSize: 16,
      numHeads: 2,
      maxPositions: 16,
      vocabularySize: 270,
      initializerRange: 0.5,
    },
    { weights: { seed: 4 } },
  );
let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  tokenizer = await createTokenizer(await trainBpe(["the cat sat on the mat"], { vocabularySize: 270 }));
});

/** Of one text alone, without padding. */
function logProbabilities(ids: Int32Array): { sums: number[]; best: number[] } {
  const gpt = model();
  const logits = gpt.logits(
    gpt.forward({ tokens: tf.tensor2d([[...ids.subarray(0, -1)]], undefined, "int32") }).hidden,
  );
  const rows = (logits.arraySync() as number[][][])[0]!;
  gpt.dispose();
  const sums = rows.map((row, i) => row[ids[i + 1]!]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)));
  return { sums, best: rows.map((row) => row.indexOf(Math.max(...row))) };
}

const evaluate = async (name: string, rows: object[]) => {
  const gpt = model();
  const task = openTrainedTask({ config: gpt.config, tokenizer, recipe: null }, { name });
  const read = rows.map((values, i) =>
    task.read({ values: { ...values }, source: "x", line: i + 1 }, { labelled: true }),
  );
  const predictions = await predictAll({ task, model: gpt }, read);
  gpt.dispose();
  return { predictions, scores: scorePredictions(task, read, predictions), examples: read };
};

describe("zero-shot tests", () => {
  it("make no scores of NaN", () => {
    const gpt = model();
    const causal = gpt.predictors.causal!;
    const logits: typeof causal.logits = (hidden) => tf.mul(causal.logits(hidden), Number.NaN);
    const damaged = { ...gpt, predictors: { causal: { ...causal, logits } } };
    expect(() => scoreTexts(damaged, [{ ids: Int32Array.of(1, 2, 3), from: 1 }])).toThrow(OutputError);
    gpt.dispose();
  });

  it("score tokens as log-softmax does, whatever is beside them", () => {
    const texts = [
      { ids: Int32Array.of(1, 2, 3, 4, 5), from: 1 },
      { ids: Int32Array.of(9, 8, 7), from: 2 },
    ];
    const gpt = model();
    const scores = scoreTexts(gpt, texts);
    gpt.dispose();
    for (const [i, { ids, from }] of texts.entries()) {
      const { sums, best } = logProbabilities(ids);
      const expected = sums.slice(from - 1).reduce((sum, value) => sum + value, 0);
      expect(scores[i]!.logProbability).toBeCloseTo(expected, 4);
      expect(scores[i]!.tokens).toBe(ids.length - from);
      expect(scores[i]!.isGreedy).toBe([...ids.subarray(from)].every((id, place) => id === best[place + from - 1]));
    }
  });

  it("compare sentences, of which equal ones are wrong", async () => {
    const pair = { sentence_good: "the cat sat", sentence_bad: "cat the sat" };
    const swapped = { sentence_good: pair.sentence_bad, sentence_bad: pair.sentence_good };
    const tie = { sentence_good: "the mat", sentence_bad: "the mat" };
    const { scores, predictions } = await evaluate("minimal-pairs", [pair, swapped, tie]);
    expect(predictions[0]).toMatchObject({ good: predictions[1]!.bad, bad: predictions[1]!.good });
    expect(scores.accuracy!.value).toBeCloseTo(1 / 3, 12);
    expect(scores.accuracy!.standardError).toBeCloseTo(1 / 3, 12);
  });

  it("compare endings by sum and by token, and find last words", async () => {
    const row = { startphrase: "the cat", ending1: "sat", ending2: "on the mat and the mat", labels: "0" };
    const { scores, predictions } = await evaluate("figurative", [row, { ...row, labels: "1" }]);
    const { sum1, sum2, mean1, mean2 } = predictions[0] as Record<string, number>;
    expect(sum1).toBeGreaterThan(sum2!);
    expect(mean2! / mean1!).not.toBeCloseTo(sum2! / sum1!, 3);
    expect(scores).toMatchObject({ accuracy: { value: 0.5 }, normalizedAccuracy: { value: 0.5 } });

    const { scores: words, predictions: found } = await evaluate("lambada", [{ text: "the cat sat on the mat" }]);
    expect(words.perplexity!.value).toBeCloseTo(Math.exp(-Number(found[0]!.logProbability)), 8);
  });

  it("count the words of WikiText before they are detokenized, and every token once", async () => {
    const text = " the cat sat @-@ on the mat , the cat sat on the mat . the mat sat on the cat . ".repeat(4);
    const { scores, predictions } = await evaluate("wikitext", [{ text }]);
    const { logProbability, tokens } = predictions[0] as Record<string, number>;
    const read = tokenizer.encode(detokenizeWikitext(text), { addSpecialTokens: false }).length;
    expect(tokens).toBe(read - (tokenizer.endOfText === undefined ? 1 : 0));
    const words = text.trim().split(" ").length;
    expect(scores.perplexity!.value).toBeCloseTo(Math.exp(-logProbability! / (words - 1)), 6);
    expect(scores.tokenPerplexity!.value).toBeCloseTo(Math.exp(-logProbability! / tokens!), 6);
  });

  it("refuse models that do not read from left to right, and rows that say nothing", async () => {
    const sizes = { numLayers: 1, hiddenSize: 16, numHeads: 2, maxPositions: 16, vocabularySize: 270 };
    const encoder = createModel({ family: "bert", ...sizes }, { weights: { seed: 1 } });
    const open = () => openTrainedTask({ config: encoder.config, tokenizer, recipe: null }, { name: "lambada" });
    expect(open).toThrow(/expected a causal model \(gpt.*bert/);
    encoder.dispose();
    await expect(
      evaluate("figurative", [{ startphrase: "a", ending1: "b", ending2: "c", labels: "2" }]),
    ).rejects.toThrow(/0 or 1/);
    await expect(evaluate("lambada", [{ text: "word" }])).rejects.toThrow(/two words/);
    await expect(evaluate("minimal-pairs", [{ sentence_good: "a" }])).rejects.toThrow(/sentence_bad/);
  });
});
