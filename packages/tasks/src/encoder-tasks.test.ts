/** Pairs, several labels, choices and questions: a tiny encoder learns each, and mistakes in their rows are named. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfigInput } from "@megatron-ts/model";
import { hashKey } from "@megatron-ts/random";
import { createTokenizer, type Tokenizer, trainBpe, trainWordPiece } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { placeTokens } from "./context-tokens.ts";
import { OutputError } from "./errors.ts";
import { finetune, openTrainedTask, parseFinetuneRecipe, predictAll, scorePredictions } from "./index.ts";
import { createPairEncoder, truncatePair } from "./pair-encoder.ts";
import { questionWindows, spanOf, targetIn } from "./question-windows.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-encoder-tasks-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);

const animals = ["cat", "dog", "fox", "owl"];
const colors = ["red", "blue", "green"];
const places = ["Rome", "Paris", "Oslo", "Bern"];
const files: Record<string, object[]> = {
  // Each label says something of the first text and something of the second.
  "sentence-pairs": animals.flatMap((animal, i) =>
    ["runs", "sleeps"].map((verb) => ({
      text: `it ${verb}`,
      pair: `a ${animal}`,
      label: `${verb} ${i < 2 ? "pet" : "wild"}`,
    })),
  ),
  "multi-label": animals.flatMap((animal) =>
    colors.map((color) => ({ text: `${color} ${animal}`, labels: animal === "owl" ? [color, "bird"] : [color] })),
  ),
  "multiple-choice": animals.flatMap((animal) =>
    colors.map((color, i) => {
      const options = ["Rome", "Paris"];
      options.splice(i, 0, color);
      return { context: `the ${animal} is here`, question: "which color?", options, answer: "ABC"[i] };
    }),
  ),
};
// Each text adds something.
const similarities = animals.flatMap((animal, i) =>
  animals.map((other, j) => ({
    text: `a ${animal}`,
    pair: `an ${other}`,
    label: i + 0.5 * j,
  })),
);
const squad = (name: string) =>
  writeFileSync(
    path(name),
    JSON.stringify({
      data: [
        {
          title: "Trips",
          paragraphs: animals.flatMap((animal) =>
            places.map((place) => {
              const context = `😀 The ${animal} went to ${place}, they say.`;
              const found = { text: place, answer_start: [...context.slice(0, context.indexOf(place))].length };
              const asked = { question: `Where did the ${animal} go?`, answers: [found] };
              const none = { question: `Why did the ${animal} go?`, answers: [], is_impossible: true };
              return { context, qas: [asked, none] };
            }),
          ),
        },
      ],
    }),
  );

let tokenizer: Tokenizer;
const small = { numLayers: 1, hiddenSize: 32, numHeads: 2, maxPositions: 48, dropout: 0, attentionDropout: 0 };
const { maxPositions: _, ...relative } = small;
const models: Record<string, ModelConfigInput> = {
  encoder: {
    family: "bert",
    normPlacement: "pre",
    ...small,
    vocabularySize: 600,
    heads: { pooler: true, languageModel: false, pair: false },
  },
  decoder: { family: "gpt", ...small, vocabularySize: 600 },
  permuted: { family: "xlnet", ...relative, vocabularySize: 600 },
};

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const texts = [
    JSON.stringify(files),
    ...animals.flatMap((a) => places.map((p) => `The ${a} went to ${p}, they say. Where Why did go?`)),
  ];
  const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const template = { single: "[CLS] $A [SEP]", pair: "[CLS] $A [SEP] $B:1 [SEP]:1" };
  const json = await trainWordPiece(
    texts.map((text) => text.replaceAll(/["{}[\],:]/g, " ")),
    { vocabularySize: 600, specialTokens, template },
  );
  tokenizer = await createTokenizer(json);
  for (const [name, config] of Object.entries(models)) {
    const model = createModel(config, { weights: { seed: 1 } });
    const groups = { weights: weightEntries(model.parameters) };
    await saveCheckpoint({ directory: path(name), step: 0, consumedSamples: 0, model: { ...model.config }, groups });
    model.dispose();
  }
  for (const [name, rows] of Object.entries(files)) {
    writeFileSync(path(`${name}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  writeFileSync(path("similarity.jsonl"), similarities.map((row) => `${JSON.stringify(row)}\n`).join(""));
  squad("questions.json");
});

async function train(
  task: string,
  { file = `${task}.jsonl`, steps = 100, from = "encoder", family = "", run = task } = {},
) {
  const recipe = parseFinetuneRecipe(`
task: { name: ${task}, patience: null }
model: { from: ${path(from)}${family && `, family: ${family}`} }
data: { train: ${path(file)}, validation: ${path(file)}, maxTokens: 40 }
train: { steps: ${steps}, batchSize: 8, evaluation: { every: ${steps} }, optimizer: { name: adamw, learningRate: 3e-3 } }
run: { directory: ${path(`runs/${run}`)} }
`);
  const { best } = await finetune(recipe, { tokenizer });
  return best!.scores!;
}

/** No prediction is made of logits that are NaN. */
async function expectDamageTold(tool: Parameters<typeof predictAll>[0], examples: readonly unknown[]) {
  const masked = tool.model.predictors.masked!;
  const taskLogits: typeof masked.taskLogits = (...given) => tf.mul(masked.taskLogits(...given), Number.NaN);
  const model = { ...tool.model, predictors: { masked: { ...masked, taskLogits } } };
  await expect(predictAll({ ...tool, model }, examples)).rejects.toThrow(OutputError);
}

describe("tasks of encoders", () => {
  it.each(Object.keys(files))("%s is learned, by the scores of the task", async (task) => {
    const scores = await train(task, { steps: task === "multi-label" ? 200 : 100 });
    expect(scores.accuracy ?? scores.f1).toBeGreaterThan(0.95);
    const { model, checkpoint } = loadModel(path(`runs/${task}`));
    checkpoint.close();
    const opened = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: task });
    const examples = readRows(path(`${task}.jsonl`)).map((row) => opened.read(row, { labelled: true }));
    const [alone, together] = [
      await predictAll({ task: opened, model }, examples, { batchSize: 1 }),
      await predictAll({ task: opened, model }, examples),
    ];
    expect(scorePredictions(opened, examples, alone)).toEqual(scorePredictions(opened, examples, together));
    await expectDamageTold({ task: opened, model }, examples);
    model.dispose();
  });

  it("sentence-pairs is learned by a model of permuted texts too", async () => {
    const scores = await train("sentence-pairs", { from: "permuted", run: "permuted", steps: 50 });
    expect(scores.accuracy).toBe(1);
  });

  it("sentence-pairs is learned by a decoder, started from an encoder, that reads what its own encoder reads", async () => {
    const scores = await train("sentence-pairs", { family: "encoder-decoder", run: "decoding", steps: 60 });
    expect(scores.accuracy).toBe(1);
    const { model, checkpoint } = loadModel(path("runs/decoding"));
    checkpoint.close();
    expect(model.config.task).toMatchObject({ startToken: tokenizer.tokenToId("[PAD]") });
    model.dispose();
  });

  it("similarity is learned as numbers, by their correlation", async () => {
    const scores = await train("similarity", { steps: 120 });
    expect(scores.pearson).toBeGreaterThan(0.9);
    expect(scores.spearman).toBeGreaterThan(0.9);
    const { model, checkpoint } = loadModel(path("runs/similarity"));
    checkpoint.close();
    const opened = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: "similarity" });
    const examples = readRows(path("similarity.jsonl")).map((row) => opened.read(row, { labelled: true }));
    const [{ value }] = (await predictAll({ task: opened, model }, examples)) as [{ value: number }];
    // The numbers themselves, not only their order.
    expect(Math.abs(value)).toBeLessThan(0.7);
    await expectDamageTold({ task: opened, model }, examples);
    model.dispose();
  });

  it("question-answering finds spans, also behind a character of two units, and learns where there are none", async () => {
    const scores = await train("question-answering", { file: "questions.json", steps: 150, run: "none" });
    expect(scores.answerableF1).toBeGreaterThan(0.9);
    expect(scores.unanswerableF1).toBeGreaterThan(0.9);
    const { model, checkpoint } = loadModel(path("runs/none"));
    checkpoint.close();
    const task = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: "question-answering" });
    const values = { context: "😀 The cat went to Oslo, they say.", question: "Where did the cat go?" };
    const [prediction] = await predictAll({ task, model }, [
      task.read({ values, source: "x", line: 1 }, { labelled: false }),
    ]);
    expect(prediction).toMatchObject({ answer: "Oslo" });
    const example = task.read({ values, source: "x", line: 1 }, { labelled: false });
    await expectDamageTold({ task, model }, [example]);
    model.dispose();
  });

  it("find answers by code points, as Python counts them, in rows too", () => {
    const head = { kind: "question-answering" } as const;
    const config = { ...models.encoder!, heads: undefined, task: head, family: "bert" } as ModelConfigInput;
    const model = createModel(config, { weights: { seed: 1 } });
    const task = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: "question-answering" });
    const context = "😀 The cat went to Oslo, they say.";
    const targets = [
      [{ text: "Oslo", start: context.indexOf("Oslo") }],
      [{ text: "Oslo", answer_start: [...context].indexOf("O") }],
      { text: ["Oslo"], answer_start: [[...context].indexOf("O")] },
    ].map((answers) => {
      const values = { context, question: "Where?", answers };
      return (task.read({ values, source: "x", line: 1 }, { labelled: true }) as { targets: unknown }).targets;
    });
    expect(targets[1]).toEqual(targets[0]);
    expect(targets[2]).toEqual(targets[0]);
    model.dispose();
  });

  it("name what is wrong in a row, and models that cannot do them", async () => {
    const cases: [string, object, RegExp, string?][] = [
      ["sentence-pairs", { text: "a", label: "x" }, /no column "pair"/],
      ["multi-label", { text: "a", labels: 3 }, /list of labels/],
      ["regression", { text: "a", label: "x" }, /expected a number in the label, got "x"/],
      ["multiple-choice", { context: "a", question: "b", options: ["one"], answer: "A" }, /two to 26 answers/],
      ["multiple-choice", { context: "a", question: "b", options: ["c", "d"], answer: "C" }, /A to B.*"C"/],
      [
        "question-answering",
        { context: "The cat.", question: "Who?", answers: [{ text: "dog", start: 4 }] },
        /"dog" is not at character 4/,
      ],
      ["question-answering", { context: "The cat.", question: "Who?", answers: "cat" }, /answer_start.*"cat"/],
      [
        "question-answering",
        { context: "The cat.", question: "Who?", answers: [] },
        /expected a model with an encoder \(bert.*gpt/,
        "decoder",
      ],
    ];
    for (const [task, row, message, from] of cases) {
      writeFileSync(path("bad.jsonl"), `${JSON.stringify(row)}\n${JSON.stringify({ ...row, label: "y" })}\n`);
      const error = await train(task, { file: "bad.jsonl", from, run: "bad" }).catch((one) => one);
      expect(error).toMatchObject({ userError: true, message: expect.stringMatching(message) });
    }
  });
});

describe("examples of several rows", () => {
  it("are trained with dropout, by masks that do not depend on how a batch is split", () => {
    const head = { kind: "multiple-choice" } as const;
    const base = { ...models.encoder!, heads: undefined, dropout: 0.3, attentionDropout: 0.3, task: head };
    const model = createModel({ ...base, family: "bert" } as ModelConfigInput, { weights: { seed: 1 } });
    const task = openTrainedTask({ config: model.config, tokenizer, recipe: null }, { name: "multiple-choice" });
    const examples = [2, 3, 3, 2].map((count) => {
      const values = { context: "the cat", question: "which?", options: ["red", "blue", "green"].slice(0, count) };
      return task.read({ values: { ...values, answer: "A" }, source: "x", line: 1 }, { labelled: true });
    });
    const key = hashKey(7);
    const lossOf = (from: number, to: number) =>
      tf.tidy(() => {
        const random = { key, firstRow: from, globalRows: 4 };
        return task.trainingLossSum(model, examples.slice(from, to), { random }).dataSync()[0]!;
      });
    const whole = lossOf(0, 4);
    expect(lossOf(0, 1) + lossOf(1, 2) + lossOf(2, 4)).toBeCloseTo(whole, 4);
    expect(lossOf(0, 2) + lossOf(2, 4)).toBeCloseTo(whole, 4);
    expect(lossOf(1, 2)).not.toBe(lossOf(2, 3));
    model.dispose();
  });
});

describe("inputs of two texts", () => {
  it("have the special tokens and segments of the tokenizer's template", () => {
    const model = createModel(models.encoder!, { weights: { seed: 1 } });
    const [cls, sep] = ["[CLS]", "[SEP]"].map((token) => tokenizer.tokenToId(token)!);
    const pair = createPairEncoder(tokenizer, model.config).join([7, 8], [9]);
    expect([...pair.ids]).toEqual([cls, 7, 8, sep, 9, sep]);
    expect([...pair.types!]).toEqual([0, 0, 0, 0, 1, 1]);
    expect(pair.secondStart).toBe(4);
    model.dispose();
  });

  it("are cut at the end of the longer one", () => {
    const ids = (length: number) => Int32Array.from({ length }, (_, i) => i);
    const lengths = (a: number, b: number, room: number) =>
      truncatePair([ids(a), ids(b)], { room }).pair.map(({ length }) => length);
    expect(lengths(3, 2, 5)).toEqual([3, 2]);
    expect(lengths(9, 2, 5)).toEqual([3, 2]);
    expect(lengths(2, 9, 5)).toEqual([2, 3]);
    expect(lengths(9, 9, 5)).toEqual([3, 2]);
  });
});

describe("windows of a context", () => {
  it("place tokens that are bytes of a character at all of it", async () => {
    const bytes = await createTokenizer(await trainBpe(["a whale"], { vocabularySize: 260 }));
    const text = "ab🐋 naïve";
    const { ids, starts, ends } = placeTokens(bytes, text);
    const found = [...ids].map((_, i) => text.slice(starts[i], ends[i]));
    expect(found.filter(Boolean)).toEqual(["a", "b", "🐋", "🐋", "🐋", "🐋", "n", "a", "ï", "ï", "v", "e"]);
  });

  it("place every token at its characters, and an answer in the windows that hold all of it", () => {
    const text = "Two cats went to 白鲸 (1066), Paris.";
    const context = placeTokens(tokenizer, text);
    const places = new Map([...context.starts].map((start, i) => [start, context.ends[i]]));
    expect([...places].map((place) => text.slice(...place)).join("")).toBe(text.replaceAll(" ", ""));
    const from = text.indexOf("Paris");
    const span = spanOf(context, { from, to: from + 5 })!;
    expect(text.slice(context.starts[span.start], context.ends[span.end])).toBe("Paris");
    const encoder = createPairEncoder(tokenizer, createModel(models.encoder!, { weights: { seed: 1 } }).config);
    const windows = questionWindows(encoder, { question: Int32Array.of(7, 8), context, maxTokens: 13, stride: 4 });
    expect(windows.map(({ first }) => first)).toEqual(Array.from({ length: windows.length }, (_, i) => 4 * i));
    for (const window of windows) {
      const [start, end] = targetIn(window, span);
      const holds = span.start >= window.first && span.end < window.first + window.count;
      expect([start > 0, end > 0]).toEqual([holds, holds]);
      if (holds)
        expect([...window.ids.subarray(start, end + 1)]).toEqual([...context.ids.subarray(span.start, span.end + 1)]);
    }
  });
});
