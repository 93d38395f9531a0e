/**
 * Tasks that write text, on tiny models that learn to translate words one by one; as recipes, from parallel files. Where
 * PEER_PYTHON is set, transformers writes the same text with an exported model.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  exportHuggingFace,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadModel,
} from "@megatron-ts/checkpoint";
import { readRows } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { beamSearch } from "@megatron-ts/generate";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import type { RunEvent } from "@megatron-ts/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type FinetuneOptions,
  finetune,
  openTrainedTask,
  parseFinetuneRecipe,
  pipeline,
  predictAll,
  scorePredictions,
  type TaskData,
} from "../index.ts";
import { translation } from "../translation.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-texts-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);

const dictionary: Record<string, string> = { one: "eins", two: "zwei", three: "drei", red: "rot", blue: "blau" };
const words = Object.keys(dictionary);
/** Every sentence of two different words. */
const english = words
  .flatMap((a) => words.map((b) => [a, b]))
  .filter(([a, b]) => a !== b)
  .map((text) => text.join(" "));
const german = english.map((text) => text.replace(/\w+/g, (word) => dictionary[word]!));

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const specialTokens = ["<pad>", "</s>"];
  tokenizer = await createTokenizer(await trainBpe([...english, ...german], { vocabularySize: 300, specialTokens }));
  writeFileSync(path("train.en"), `${english.join("\n")}\n`);
  writeFileSync(path("train.de"), `${german.join("\n")}\n`);
  writeFileSync(path("dev.en"), `${english.slice(0, 8).join("\n")}\n`);
  writeFileSync(path("dev.de"), `${german.slice(0, 8).join("\n")}\n`);
});

const small = "numLayers: 1, hiddenSize: 32, numHeads: 2, dropout: 0, attentionDropout: 0";
const models: Record<string, string> = {
  "encoder-decoder": `{ family: encoder-decoder, ${small}, maxPositions: 32 }`,
  t5: `{ family: t5, ${small} }`,
  gpt: `{ family: gpt, ${small}, maxPositions: 64 }`,
};

interface Changes {
  model: string;
  run?: string;
  recipe?: string[];
  options?: Partial<FinetuneOptions>;
}

function tune({ model, run = `runs/${model}`, recipe = [], options = {} }: Changes) {
  const text = `
task: { name: translation, metric: loss, labelSmoothing: 0.1, generation: { numBeams: 3, maxTokens: 12 } }
model: ${models[model]}
data:
  train: { source: ${path("train.en")}, target: ${path("train.de")} }
  validation: { source: ${path("dev.en")}, target: ${path("dev.de")} }
  maxTokens: 24
train:
  optimizer: { name: adamw, learningRate: 1.0e-2 }
  batchTokens: 100
  steps: 100
  evaluation: { every: 50 }
  averageLast: 2
run: { directory: ${path(run)} }
`;
  const overrides = recipe.map((one) => one.split("=") as [string, string]);
  return finetune(parseFinetuneRecipe(text, { overrides }), { tokenizer, ...options });
}

const dev = () => ({ source: path("dev.en"), target: path("dev.de") });

describe("a translation task", () => {
  for (const name of ["encoder-decoder", "gpt"]) {
    it(`teaches a new ${name} model to translate`, async () => {
      const events: RunEvent[] = [];
      const { reason } = await tune({ model: name, options: { onEvent: (event) => events.push(event) } });
      expect(reason).toBe("completed");
      expect(listCheckpoints(path(`runs/${name}`)).length).toBeGreaterThanOrEqual(2);

      const { model, checkpoint } = loadModel(path(`runs/${name}/average`));
      checkpoint.close();
      const recipe = {
        task: { name: "translation", generation: { numBeams: 3, lengthPenalty: 1, noRepeatNgramSize: 0 } },
      };
      const task = openTrainedTask({ config: model.config, tokenizer, recipe });
      const examples = readRows(dev()).map((row) => task.read(row, { labelled: true }));
      const predictions = await predictAll({ task, model }, examples);
      expect(predictions.map(({ text }) => text)).toEqual(german.slice(0, 8));
      const scores = scorePredictions(task, examples, predictions, { intervals: true });
      expect(scores.chrf).toMatchObject({ value: 100, interval: 0 });
      expect(scores.bleu!.signature).toContain("tok:13a");
      model.dispose();
    });
  }

  it("chooses the best checkpoint by BLEU", async () => {
    const events: RunEvent[] = [];
    const warnings: (string | undefined)[] = [];
    const options = {
      onEvent: (event: RunEvent) => events.push(event),
      onData: ({ warning }: TaskData) => warnings.push(warning),
    };
    await tune({
      model: "t5",
      run: "runs/bleu",
      recipe: ["task.metric=bleu", "train.steps=25", "train.evaluation.every=13"],
      options,
    });
    const scores = events.flatMap((event) => (event.type === "evaluated" ? [event.scores!] : []));
    const some = { bleu: expect.any(Number), chrf: expect.any(Number) };
    expect(scores).toEqual([some, some]);
    // No target has four words, of which BLEU counts matches.
    expect(warnings).toEqual([expect.stringMatching(/too short for bleu.*task\.metric to chrf/)]);
  });

  it("is scored by chrF where no target has the four words that BLEU needs", () => {
    const metricOf = (target: string) =>
      translation.metricFor!([{ values: { target }, source: "x", line: 1 }], { columns: {} });
    expect(["eins zwei drei", "eins zwei drei.", "eins zwei drei rot"].map(metricOf)).toEqual(["chrf", "bleu", "bleu"]);
  });

  it.skipIf(process.env.PEER_PYTHON === undefined)("exports what transformers writes the same text with", async () => {
    const checkpoint = loadCheckpoint(latestCheckpoint(path("runs/bleu"))!.directory);
    await exportHuggingFace(checkpoint, path("exported"));
    checkpoint.close();
    const rows = english.map((text) => [...tokenizer.encode(text), tokenizer.specialTokens.get("</s>")!]);
    const script = fileURLToPath(new URL("../../../../fixtures/tasks/translate.py", import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.env.PEER_PYTHON!, [script, path("exported")], {
      input: JSON.stringify(rows),
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const { model, checkpoint: again } = loadModel(path("runs/bleu"));
    again.close();
    const found = beamSearch(model, rows, {
      maxTokens: 12,
      numBeams: 1,
      startToken: 0,
      stopTokens: [1],
      earlyStopping: true,
    });
    expect(found.map(([best]) => best!.tokens)).toEqual(JSON.parse(stdout));
    model.dispose();
  });

  it("is a function of the library: pipeline()", async () => {
    const translate = await pipeline("translation", path("runs/gpt"));
    const [first, second] = await translate(english.slice(0, 2));
    expect(await translate({ source: english[0]! })).toMatchObject({ text: first!.text });
    expect([first!.text, second!.text]).toEqual(german.slice(0, 2));
    await expect(translate("")).rejects.toThrow(/input:1: the source is empty/);
    translate.dispose();
    await expect(pipeline("classification", path("runs/gpt"))).rejects.toThrow(/no head that classifies/);
    await expect(pipeline("juggling", path("runs/gpt"))).rejects.toThrow(/translation or summarization/);
  });

  it("stopped and resumed ends as the uninterrupted run, bit for bit", async () => {
    const recipe = ["model.dropout=0.2", "train.steps=9"];
    await tune({ model: "encoder-decoder", run: "runs/whole", recipe });
    const stop = { requested: null as string | null };
    const onEvent = (event: RunEvent) => {
      if (event.type === "step" && event.step === 7) stop.requested = "SIGTERM";
    };
    const parts = { model: "encoder-decoder", run: "runs/parts", recipe };
    expect(await tune({ ...parts, options: { stop, onEvent } })).toMatchObject({ reason: "stopped", step: 7 });
    await tune({ ...parts, options: { resume: "auto" } });
    const weightsOf = (run: string) => {
      const checkpoint = loadCheckpoint(latestCheckpoint(path(run))!.directory);
      const bytes = checkpoint.weights.names.map((name) =>
        Buffer.from(checkpoint.weights.read(name)).toString("base64"),
      );
      checkpoint.close();
      return bytes;
    };
    expect(weightsOf("runs/parts")).toEqual(weightsOf("runs/whole"));
  });

  it("refuses what does not fit, and says what would", async () => {
    writeFileSync(path("short.de"), "eins\nzwei\n");
    writeFileSync(path("gaps.de"), german.map((text, i) => (i === 3 ? "" : text)).join("\n"));
    const train = (target: string) => `data.train={source: ${path("train.en")}, target: ${path(target)}}`;
    const cases: [Changes, RegExp][] = [
      [{ model: "t5", recipe: [train("short.de")] }, /short\.de: has 2 lines, but .*train\.en has 20/],
      [{ model: "t5", recipe: [train("gaps.de")] }, /train\.en:4: the target is empty/],
      [{ model: "t5", recipe: ["task.labelWeights=balanced"] }, /translation has no labels/],
      [{ model: "t5", recipe: ["task.name=classification"] }, /classification writes no text/],
      [{ model: "t5", recipe: ["task.metric=rouge"] }, /expected bleu or chrf, got rouge/],
      [{ model: "t5", recipe: ["task.prompt=translate"] }, /must contain \{source\}/],
      [{ model: "t5", recipe: ["task.columns.text=source"] }, /expected source or target, got text/],
      [{ model: "t5", recipe: ["model.family=bert", "model.maxPositions=32"] }, /bert does not write text/],
    ];
    for (const [changes, message] of cases) {
      const attempt = async () => tune({ run: "runs/bad", ...changes });
      const { userError, message: found } = await attempt().then(
        ({ reason }) => ({ userError: true, message: reason }),
        (error) => error,
      );
      expect(found).toMatch(message);
      expect(userError).toBe(true);
    }
  });
});
