/** Tiny fine-tuning runs of every task, on one rank, on threads and under MPI, to compare with each other. For tests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, sharedFrame, trainBpe } from "@megatron-ts/tokenizer";
import { parse } from "yaml";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { createRankCrews } from "../../../train/src/testing/rank-crew.ts";
import { type FinetuningOutcome, type FinetuningTask, finetuneRank } from "./finetuning.rank.ts";

const animals = ["cat", "dog", "fox", "owl", "hen", "bee"];
const colors = ["red", "blue", "green", "white"];

const answers = (text: string, context: string) => [{ text, answer_start: context.indexOf(text) }];

/** A row of each task about an animal and a color, and a second one, which differs in length. */
const rows: Record<string, (animal: string, color: string) => object[]> = {
  classification: (animal, color) => [
    { text: `a ${color} ${animal}`, label: color },
    { text: `that ${animal} over there is ${color}`, label: color },
  ],
  sentiment: (animal, color) => [
    { text: `a ${animal}, nice and ${color}`, label: "positive" },
    { text: `no ${color} ${animal}`, label: "negative" },
    { text: `some ${animal}`, label: "neutral" },
  ],
  "sentence-pairs": (animal, color) => [
    { text: `a ${animal}`, pair: `it is ${color}`, label: color },
    { text: `one more ${animal}`, pair: "it is black", label: "black" },
  ],
  "multi-label": (animal, color) => [
    { text: `${color} ${animal}`, labels: animal === "owl" ? [color, "bird"] : [color] },
    { text: `a bird or a ${animal}`, labels: ["bird"] },
  ],
  regression: (animal, color) => [{ text: `${color} ${animal}`, label: animals.indexOf(animal) + 0.5 * color.length }],
  similarity: (animal, color) => [
    { text: `a ${animal}`, pair: `a ${color} ${animal}`, label: color.length },
    { text: `a ${animal}`, pair: "an ant", label: 0 },
  ],
  "question-answering": (animal, color) => {
    const context = `A ${animal} went by. It was ${color}, they say, and nobody saw it again in the long winter.`;
    return [
      { question: "Which color?", context, answers: answers(color, context) },
      { question: `Where did the ${animal} go?`, context: "Nobody knows.", answers: [] },
    ];
  },
  "multiple-choice": (animal, color) => [
    { context: `the ${color} ${animal}`, question: "which color?", options: ["black", color], answer: "B" },
    { context: "somewhere", question: "which animal?", options: [animal, "ant", "rat"], answer: "A" },
  ],
  translation: (animal, color) => [
    { source: `a ${color} ${animal}`, target: `${animal} ${color}` },
    { source: `${color} it is`, target: `it ${color}` },
  ],
  summarization: (animal, color) => [
    { text: `There was a ${animal}. It was ${color}. It left.`, summary: `A ${color} ${animal} left.` },
  ],
  dialogue: (animal, color) => [
    {
      messages: [
        { role: "user", content: `a ${animal}` },
        { role: "assistant", content: `it is ${color}` },
        { role: "user", content: "really?" },
        { role: "assistant", content: "yes" },
      ],
    },
    {
      messages: [
        { role: "user", content: `hello, ${color} ${animal}` },
        { role: "assistant", content: "hello" },
      ],
    },
  ],
};

/** The tasks that can be fine-tuned. */
export const tasks = Object.keys(rows);

const size = "numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 401";
const positions = "maxPositions: 64, dropout: 0.1, attentionDropout: 0.1";

/** Models of every family, with dropout, by the names of their checkpoints. No number of ranks divides the vocabulary. */
const models = {
  bert: `{ family: bert, ${size}, ${positions}, heads: { pooler: true, languageModel: false, pair: false } }`,
  gpt: `{ family: gpt, ${size}, ${positions} }`,
  xlnet: `{ family: xlnet, ${size}, dropout: 0.1 }`,
  t5: `{ family: t5, ${size}, dropout: 0.1 }`,
  "encoder-decoder": `{ family: encoder-decoder, ${size}, ${positions} }`,
};

/** Runs in a directory of their own. */
export interface FinetuningRuns {
  readonly directory: string;
  /** The built rank, for launchers. */
  readonly file: URL;
  /** What the ranks of a run are given. */
  task(
    name: string,
    options: Partial<Omit<FinetuningTask, "overrides">> & {
      task: string;
      model: keyof typeof models;
      parallel?: object;
      fields?: Record<string, unknown>;
    },
  ): FinetuningTask;
  /** On this thread alone. */
  solo(task: FinetuningTask): Promise<FinetuningOutcome>;
  /** On threads, one run after the other. */
  threads(tasks: readonly FinetuningTask[], ranks: number): Promise<FinetuningOutcome[]>;
  remove(): Promise<void>;
}

/** Writes rows and checkpoints, and builds the rank. */
export async function openFinetuningRuns(): Promise<FinetuningRuns> {
  const directory = mkdtempSync(join(tmpdir(), "megatron-finetune-ranks-"));
  const texts: string[] = [];
  for (const [name, rowsOf] of Object.entries(rows)) {
    const lines = animals.flatMap((animal) => colors.flatMap((color) => rowsOf(animal, color)));
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(join(directory, `${name}.jsonl`), text);
    texts.push(text.replaceAll(/["{}[\],:]/g, " "));
  }
  const tokenizer = await createTokenizer(await trainBpe(texts, { vocabularySize: 400, ...sharedFrame }));
  await start({ threads: 1 });
  for (const [name, fields] of Object.entries(models)) {
    const model = createModel(parse(fields), { weights: { seed: 1 } });
    const groups = { weights: weightEntries(model.parameters) };
    const { config } = model;
    await saveCheckpoint({
      directory: join(directory, name),
      step: 0,
      consumedSamples: 0,
      model: { ...config },
      groups,
    });
    model.dispose();
  }
  const built = await buildRank(new URL("./finetuning.rank.ts", import.meta.url));
  const crews = createRankCrews<FinetuningTask, FinetuningOutcome>(built.file);
  return {
    directory,
    file: built.file,
    task(name, { task, model, parallel, fields = {}, ...options }) {
      const overrides = Object.entries({ ...(parallel && { parallel }), ...fields });
      return {
        recipe: recipeOf(task, { model: join(directory, model), directory, name }),
        overrides: overrides.map(([path, value]) => [path, typeof value === "string" ? value : JSON.stringify(value)]),
        tokenizer: tokenizer.json,
        ...options,
      };
    },
    solo: (task) => finetuneRank(null, task),
    threads: crews.run,
    async remove() {
      await crews.close();
      built.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const recipeOf = (
  task: string,
  { model, directory, name }: { model: string; directory: string; name: string },
): string => `
task: { name: ${task}, patience: null${"translation summarization".includes(task) ? ", generation: { numBeams: 2, maxTokens: 6 }" : ""} }
model: { from: ${model} }
data: { train: ${join(directory, `${task}.jsonl`)}, maxTokens: 24 }
train:
  steps: 4
  batchSize: 8
  microBatchSize: 2
  evaluation: { every: 2 }
  optimizer: { name: adamw, learningRate: 1.0e-3 }
  log: { every: 1, tensorboard: false }
run: { directory: ${join(directory, name)} }
`;
