/** `megatron compare` on tiny models: the table, what is saved, what a rerun keeps, and a cell computed again bit for bit. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "../testing/megatron.ts";
import { createSandbox } from "../testing/sandbox.ts";
import type { Comparison } from "./comparison.ts";

const { path, remove } = createSandbox();
afterAll(remove);
const rows = (all: object[]) => all.map((row) => `${JSON.stringify(row)}\n`).join("");
const words = ["one", "two", "red", "blue", "cat", "dog"];

const recipe = () => `
run: { directory: ${path("out")} }
text: { inputs: [${path("text")}], languages: [English], description: words, vocabularySize: 320, workers: 0 }
pretraining: { tokens: 64, sequenceLength: 16, batchSize: 2, train: { optimizer: { name: adamw, learningRate: 1.0e-3 } } }
models:
  encoder:
    description: an encoder
    model: { family: bert, numLayers: 1, hiddenSize: 8, numHeads: 1, maxPositions: 32, heads: { pooler: false, languageModel: true, pair: false } }
    train: { objective: { name: masked } }
  both: { description: an encoder-decoder, model: { family: t5, numLayers: 1, hiddenSize: 8, numHeads: 1 } }
tasks:
  words:
    description: words
    train: ${path("words.jsonl")}
    test: ${path("words.jsonl")}
    task: { name: translation, metric: loss, generation: { numBeams: 1, maxTokens: 4 } }
    maxTokens: 16
    training: { steps: 2, batchSize: 2, optimizer: { name: adamw, learningRate: 1.0e-3 } }
  kinds:
    description: kinds
    train: ${path("kinds.jsonl")}
    test: ${path("kinds.jsonl")}
    task: { name: classification }
    maxTokens: 16
    scores: [accuracy]
    training: { steps: 2, batchSize: 2, optimizer: { name: adamw, learningRate: 1.0e-3 } }
published:
  - { model: A giant, perplexity: "15.4", source: a survey }
quick:
  run: { directory: ${path("quick")} }
  models: [encoder]
  tasks: [words]
  tokens: 32
  vocabularySize: 320
`;

type Result = Comparison & { files: Record<string, string> };
let first: Result;
beforeAll(async () => {
  mkdirSync(path("text"));
  for (let file = 0; file < 60; file++) {
    const text = Array.from({ length: 40 }, (_, i) => words[(i * (file + 1)) % words.length]).join(" ");
    writeFileSync(path(`text/${file}.txt`), `${text}.\n`);
  }
  writeFileSync(path("words.jsonl"), rows(words.map((word) => ({ source: word, target: `${word} ${word}` }))));
  writeFileSync(path("kinds.jsonl"), rows(words.map((text, i) => ({ text, label: i < 4 ? "other" : "animal" }))));
  writeFileSync(path("recipe.yaml"), recipe());
  first = await megatronJson<Result>("compare", path("recipe.yaml"));
});

describe("megatron compare", () => {
  it("has a cell for each model and task, or says why not", () => {
    const [encoder, both] = first.models;
    expect(encoder!.pretraining).toMatchObject({ tokens: 64, trainedLength: 16, triedLength: 32 });
    expect(encoder!.pretraining.perplexities).toEqual([
      { metric: "masked-token perplexity", value: expect.any(Number) },
    ]);
    expect(both!.tasks.words).toMatchObject({ rows: 6, scores: { bleu: { value: expect.any(Number) } } });
    for (const { tasks } of first.models) {
      expect(tasks.kinds).toMatchObject({ scores: { accuracy: { value: expect.any(Number) } } });
    }
    expect(encoder!.tasks.words).toEqual({ reason: expect.stringContaining("does not write text") });
    for (const { pretraining } of first.models) {
      expect(
        Object.values(pretraining.hashes)
          .map(String)
          .every((hash) => /^([0-9a-f]{64}|1234)$/.test(hash)),
      ).toBe(true);
      expect(existsSync(/pretrain (\S+)/.exec(pretraining.command)![1]!)).toBe(true);
    }
  });

  it("is saved as Markdown, JSON and a page with the loss curves, with what others published", () => {
    const [markdown, json, html] = ["markdown", "json", "html"].map((kind) => readFileSync(first.files[kind]!, "utf8"));
    expect(markdown).toMatch(/^\| encoder \| [\d,]+ \| 16 \/ 32 \|/m);
    expect(markdown).toContain("| A giant |");
    expect(JSON.parse(json!).published).toMatchObject([{ model: "A giant", bleu: "" }]);
    // Two runs of pretraining, three of fine-tuning.
    expect(html!.match(/<svg/g)).toHaveLength(5);
    for (const text of [markdown!, html!]) expect(text).toContain(`megatron finetune ${path("out/both/words")}`);
  });

  it("keeps finished cells, and computes only what is missing", async () => {
    const cells = readdirSync(path("out/cells")).sort();
    expect(cells).toEqual([
      "both.kinds.json",
      "both.pretraining.json",
      "both.words.json",
      "encoder.kinds.json",
      "encoder.pretraining.json",
    ]);
    rmSync(path("out/cells/encoder.kinds.json"));
    const again = await megatronJson<Result>("compare", path("recipe.yaml"));
    expect(again.models[1]!.tasks).toEqual(first.models[1]!.tasks);
    const [before, after] = [first, again].map(({ models }) => models[0]!.tasks.kinds as { scores: object });
    expect(after!.scores).toEqual(before!.scores);
  });

  it("computes a cell again to the same bits, and notices a cell that is not what it says", async () => {
    for (const cell of ["encoder/pretraining", "both/kinds"]) {
      const { stdout, code } = await megatron("compare", path("recipe.yaml"), "--verify", cell);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`${cell}: equal to the bit`)]);
    }
    const file = path("out/cells/both.words.json");
    const saved = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...saved, hashes: { ...saved.hashes, weights: "0".repeat(64) } }));
    const { stderr, code } = await megatron("compare", path("recipe.yaml"), "--verify", "both/words");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/both\/words differs: weights: "000/)]);
  });

  it("has a quick form, and names what is wrong in a recipe", async () => {
    const writer = ["--models.encoder.writer", "{ family: encoder-decoder }"];
    const quick = await megatronJson<Result>("compare", path("recipe.yaml"), "--quick", ...writer);
    expect(quick.models.map(({ name, pretraining }) => [name, pretraining.tokens])).toEqual([["encoder", 32]]);
    expect(quick.models[0]!.tasks.words).toMatchObject({ scores: { bleu: { value: expect.any(Number) } } });
    const cases: [string[], RegExp][] = [
      [["--verify", "encoder/juggling"], /expected encoder\/pretraining or .*got encoder\/juggling/],
      [["--quick", "--quick.models", "[gpt]"], /quick\.models: expected encoder or both, got gpt/],
      [["--pretraining.tokens", "many"], /pretraining\.tokens/],
    ];
    for (const [options, message] of cases) {
      const { stderr, code } = await megatron("compare", path("recipe.yaml"), ...options);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});
