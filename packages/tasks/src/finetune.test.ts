/** Tiny models of two kinds, fine-tuned on sentences whose label depends on one word. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint, loadModel, saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { loadMemoryCounter, start } from "@megatron-ts/engine";
import { createModel, type ModelConfigInput } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import type { RunEvent } from "@megatron-ts/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type FinetuneOptions,
  finetune,
  openTrainedTask,
  parseFinetuneRecipe,
  planFinetune,
  predictAll,
  scorePredictions,
  selfPretrainTokenizer,
} from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-tasks-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);

const subjects = ["film", "story", "plot", "cast", "ending", "music"];
const verdicts = { good: ["great", "lovely"], bad: ["dull", "awful"] };

/** 96 rows with the columns `sentence` and `verdict`. */
function table(): string[] {
  return subjects.flatMap((subject) =>
    Object.entries(verdicts).flatMap(([label, words]) =>
      words.flatMap((word) =>
        ["The", "Their", "This", "That"].map((the) => `"${the} ${subject} is ${word}, I think.",${label}`),
      ),
    ),
  );
}

const small = { numLayers: 1, hiddenSize: 32, numHeads: 2, maxPositions: 32, dropout: 0, attentionDropout: 0 };
const models: Record<string, ModelConfigInput> = {
  encoder: { family: "bert", ...small, vocabularySize: 320, normPlacement: "pre" },
  decoder: { family: "gpt", ...small, vocabularySize: 320 },
  untied: { family: "gpt", ...small, vocabularySize: 320, tiedEmbeddings: false },
};

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const specialTokens = ["<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"];
  tokenizer = await createTokenizer(await trainBpe(table(), { vocabularySize: 320, specialTokens }));
  for (const [name, config] of Object.entries(models)) {
    const model = createModel(config, { weights: { seed: 1 } });
    mkdirSync(path(name), { recursive: true });
    await saveCheckpoint({
      directory: path(`${name}/checkpoint`),
      step: 0,
      consumedSamples: 0,
      model: { ...model.config },
      tokenizerFingerprint: tokenizer.fingerprint,
      groups: { weights: weightEntries(model.parameters) },
    });
    model.dispose();
  }
  writeFileSync(path("train.csv"), `sentence,verdict\n${table().join("\n")}\n`);
  writeFileSync(
    path("dev.csv"),
    'sentence,verdict\n"The film is lovely, I think.",good\n"The film is dull, I think.",bad\n',
  );
});

interface Changes {
  from: string;
  run?: string;
  recipe?: string;
  options?: Partial<FinetuneOptions>;
}

function recipeOf({ from, run = `runs/${from}`, recipe = "" }: Omit<Changes, "options">) {
  const text = `
task: { name: classification, columns: { text: sentence, label: verdict } }
model: { from: ${path(`${from}/checkpoint`)} }
data: { train: ${path("train.csv")}, maxTokens: 16 }
train: { optimizer: { name: adamw, learningRate: 3e-3 }, epochs: 6, batchSize: 16, microBatchSize: 8 }
run: { directory: ${path(run)} }
`;
  const overrides = recipe === "" ? [] : recipe.split(" ").map((one) => one.split("=") as [string, string]);
  return parseFinetuneRecipe(text, { overrides });
}

const tune = ({ options = {}, ...changes }: Changes) => finetune(recipeOf(changes), { tokenizer, ...options });

const weightsOf = (run: string) => {
  const checkpoint = loadCheckpoint(latestCheckpoint(path(run))!.directory);
  const { names } = checkpoint.weights;
  const digest = (name: string) => createHash("sha256").update(checkpoint.weights.read(name)).digest("hex");
  const digests = Object.fromEntries(names.map((name) => [name, digest(name)]));
  checkpoint.close();
  return digests;
};

describe("fine-tuning a classifier", () => {
  for (const from of ["encoder", "decoder", "untied"]) {
    it(`teaches an ${from} model the labels`, async () => {
      const events: RunEvent[] = [];
      const data: object[] = [];
      const options = { onEvent: (event: RunEvent) => events.push(event), onData: (found: object) => data.push(found) };
      const { reason, step } = await tune({ from, options });
      expect({ reason, step }).toEqual({ reason: "completed", step: 33 });
      expect(data).toEqual([{ training: 86, validation: 10, truncated: 0, labels: 2 }]);
      const evaluated = events.filter((event) => event.type === "evaluated");
      expect(evaluated.map((event) => event.step)).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33]);
      expect(evaluated.at(-1)!.scores!.accuracy).toBe(1);
      expect(readFileSync(path(`runs/${from}/metrics.jsonl`), "utf8")).toContain('"accuracy":1');

      const { model, checkpoint } = loadModel(path(`runs/${from}`));
      checkpoint.close();
      const columns = { text: "sentence", label: "verdict" };
      const task = openTrainedTask(
        { config: model.config, tokenizer, recipe: null },
        { name: "classification", columns },
      );
      const examples = readRows(path("dev.csv")).map((row) => task.read(row, { labelled: true }));
      const predictions = await predictAll({ task, model }, examples, { batchSize: 1 });
      expect(predictions.map(({ label }) => label)).toEqual(["good", "bad"]);
      expect(await predictAll({ task, model }, examples)).toMatchObject(
        predictions.map(({ label, probability }) => ({ label, probability: expect.closeTo(probability, 5) })),
      );
      expect(scorePredictions(task, examples, predictions).accuracy).toEqual({ value: 1, standardError: 0 });
      model.dispose();
    });
  }

  it("stopped and resumed ends as the uninterrupted run, bit for bit", async () => {
    const dropout = `model.dropout=0.2 train.epochs=2 task.patience=null distill.teacher=${path("runs/encoder")}`;
    await tune({ from: "encoder", run: "runs/whole", recipe: dropout });
    const stop = { requested: null as string | null };
    const onEvent = (event: RunEvent) => {
      if (event.type === "step" && event.step === 7) stop.requested = "SIGTERM";
    };
    const first = await tune({ from: "encoder", run: "runs/parts", recipe: dropout, options: { stop, onEvent } });
    expect(first).toMatchObject({ reason: "stopped", step: 7 });
    await tune({ from: "encoder", run: "runs/parts", recipe: dropout, options: { resume: "auto" } });
    expect(weightsOf("runs/parts")).toEqual(weightsOf("runs/whole"));
  });

  it("is planned with its teacher's weights and the logits that it computes", async () => {
    const count = await loadMemoryCounter();
    const planOf = (recipe: string) => planFinetune(recipeOf({ from: "encoder", recipe }), { tokenizer, count }).memory;
    const alone = planOf("train.frozen=[layers.0]");
    const taught = planOf(`train.frozen=[layers.0] distill.teacher=${path("runs/encoder")}`);
    expect(taught.weights).toBe(2 * alone.weights);
    expect(taught.optimizer).toBe(alone.optimizer);
    expect(taught.peak).toBeGreaterThan(alone.peak + alone.weights);
    expect(() => planOf(`distill.teacher=${path("nothing")}`)).toThrow(/no such run or checkpoint/);
  });

  it("learns what a teacher says, whatever the labels are", async () => {
    const swapped = table().map((row) => row.replace(/good$|bad$/, (label) => (label === "good" ? "bad" : "good")));
    writeFileSync(path("swapped.csv"), `sentence,verdict\n${swapped.join("\n")}\n`);
    const teacher = `distill={"teacher":"${path("runs/encoder")}","weight":1,"temperature":3}`;
    const recipe = `data.train=${path("swapped.csv")} lora={"targets":"all"} train.optimizer.learningRate=1e-2 train.evaluation.every=33 ${teacher}`;
    const { best } = await tune({ from: "encoder", run: "runs/taught", recipe });
    expect(best!.scores!.accuracy).toBe(0);

    const refusals: [string, RegExp][] = [
      [
        "encoder/checkpoint",
        /^distill\.teacher: expected a model with a head for sequence-classification and .*bad, good/,
      ],
      ["runs/decoder", /causal model reads rows unlike/],
      ["nothing", /no such run or checkpoint/],
    ];
    for (const [name, message] of refusals) {
      const refused = tune({
        from: "encoder",
        run: "runs/untaught",
        recipe: `distill.teacher=${path(name)} selfPretrain={}`,
      });
      await expect(refused).rejects.toMatchObject({ userError: true, message: expect.stringMatching(message) });
      expect(existsSync(path("runs/untaught"))).toBe(false);
    }
  });

  it("starts from a pretraining on its own text, which resumes too", async () => {
    const recipe = "selfPretrain.steps=3 train.steps=2 train.frozen=[layers.0]";
    const tuned = (run: string, options: Partial<FinetuneOptions> = {}) =>
      tune({ from: "encoder", run, recipe, options });
    const texts: number[] = [];
    const onSelfPretrain = ({ documents }: { documents: number }) => texts.push(documents);
    expect(await tuned("runs/own-text", { onSelfPretrain })).toMatchObject({ reason: "completed", step: 2 });
    // The rows that are held out are not read.
    expect(texts).toEqual([86]);
    const layerOf = (run: string) => {
      const { model, checkpoint } = loadModel(path(run));
      checkpoint.close();
      const found = model.parameters.get("layers.0.attention.query.weight")!.tensor.dataSync();
      model.dispose();
      return found;
    };
    expect(layerOf("runs/own-text")).toEqual(layerOf("runs/own-text/self-pretrain"));
    expect(layerOf("runs/own-text")).not.toEqual(layerOf("encoder/checkpoint"));

    const stop = { requested: null as string | null };
    const onEvent = (event: RunEvent) => {
      if (event.type === "step" && event.step === 1) stop.requested = "SIGTERM";
    };
    const stopped = { reason: "stopped", step: 0, best: null };
    expect(await tuned("runs/own-parts", { stop, onEvent })).toMatchObject(stopped);
    stop.requested = null;
    expect(await tuned("runs/own-parts", { stop, onEvent, resume: "auto" })).toMatchObject({
      reason: "stopped",
      step: 1,
    });
    await tuned("runs/own-parts", { resume: "auto" });
    expect(weightsOf("runs/own-parts/self-pretrain")).toEqual(weightsOf("runs/own-text/self-pretrain"));
    expect(weightsOf("runs/own-parts")).toEqual(weightsOf("runs/own-text"));
    await expect(tuned("runs/own-parts")).rejects.toThrow(/already contains a run/);
  });

  it("starts from nothing with a tokenizer of its own text", async () => {
    const { train, dev } = { train: path("train.csv"), dev: path("dev.csv") };
    const configuration = parseFinetuneRecipe(`
task: { name: classification, columns: { text: sentence, label: verdict } }
model: { family: t5, numLayers: 1, hiddenSize: 16, numHeads: 2 }
data: { train: ${train}, validation: ${dev}, maxTokens: 16 }
selfPretrain: { steps: 1, vocabularySize: 340 }
lora: {}
train: { steps: 1 }
run: { directory: ${path("runs/nothing")} }
`);
    const selfPretrain = configuration.selfPretrain!;
    const own = await selfPretrainTokenizer({ ...configuration, selfPretrain });
    expect(own.vocabularySize).toBeLessThanOrEqual(340);
    expect(await finetune(configuration, { tokenizer: own })).toMatchObject({ reason: "completed", step: 1 });
    const again = await selfPretrainTokenizer({ ...configuration, selfPretrain });
    expect(again.fingerprint).toBe(own.fingerprint);
    const resumed = await finetune(configuration, { tokenizer: again, resume: "auto" });
    expect(resumed).toMatchObject({ reason: "already complete", step: 1 });
  });

  it("ends when validation no longer improves", async () => {
    const recipe = "task.patience=2 train.optimizer.learningRate=1e-12 train.epochs=9 train.evaluation.every=2";
    const { reason, step } = await tune({ from: "decoder", run: "runs/patient", recipe });
    expect({ reason, step }).toEqual({ reason: "no improvement", step: 6 });
  });

  it("is refused where memory cannot hold a step, with a micro-batch that it can", async () => {
    const memory = { count: await loadMemoryCounter(), available: 66e6 };
    const run = (recipe: string) =>
      tune({ from: "encoder", run: "runs/fits", recipe: `train.steps=1 ${recipe}`, options: { memory } });
    for (const lora of ["", " lora={}"]) {
      const large = run(`train.batchSize=1000000 train.microBatchSize=1000000${lora}`);
      const message = await large.catch((error) => error.message);
      const [, fitting] = /^train: a step of 1000000 rows needs .*--train\.microBatchSize (\d+) fits/.exec(message)!;
      expect(Number(fitting)).toBeGreaterThan(1);
      expect(await run(`train.batchSize=${fitting} train.microBatchSize=${fitting}${lora}`)).toMatchObject({ step: 1 });
      rmSync(path("runs/fits"), { recursive: true });
    }
    memory.available = 64e6;
    await expect(run("train.microBatchSize=1")).rejects.toThrow(/^model: a step needs .*smaller model/);
  });

  it("refuses what does not fit, and says what would", async () => {
    const cases: [Changes, RegExp][] = [
      [
        {
          from: "encoder",
          recipe: 'task={"name":"translation","columns":{"source":"sentence","target":"verdict"}}',
        },
        /family bert.*set model.family to encoder-decoder/,
      ],
      [{ from: "encoder", recipe: "task.columns.text=body" }, /train\.csv:2: has no column "body".*sentence, verdict/],
      [{ from: "encoder", recipe: "task.columns.answer=verdict" }, /expected text or label, got answer/],
      [
        { from: "encoder", recipe: `data.validation=${path("unknown.csv")}` },
        /unknown\.csv:2: the label "fine".*bad, good/,
      ],
      [{ from: "encoder", recipe: `data.train=${path("same.csv")}` }, /two labels or more/],
      [{ from: "encoder", recipe: "task.metric=bleu", run: "runs/c" }, /expected accuracy or f1/],
      [{ from: "encoder", recipe: "task.labelWeights.fine=2" }, /"fine" is not one of the labels: bad, good/],
      [{ from: "encoder", recipe: "task.name=sentiment" }, /"good" is not one of.*negative, neutral, positive/],
    ];
    writeFileSync(path("unknown.csv"), "sentence,verdict\nNice.,fine\n");
    writeFileSync(path("same.csv"), "sentence,verdict\nNice.,good\nFine.,good\n");
    for (const [changes, message] of cases) {
      const { userError, message: found } = await tune({ run: "runs/bad", ...changes }).then(
        ({ reason }) => ({ userError: true, message: reason }),
        (error) => error,
      );
      expect(found).toMatch(message);
      expect(userError).toBe(true);
    }
  });
});
