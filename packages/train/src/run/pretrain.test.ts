import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from "@megatron-ts/checkpoint";
import { createIndexedDatasetWriter, takeLock } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import type { Override } from "../configuration/recipe-overrides.ts";
import type { RunEvent } from "./events.ts";
import { pretrain } from "./pretrain.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-train-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const texts = Array.from(
    { length: 40 },
    (_, i) => `The ${i}th of ${40 - i} sentences says that ${i} and ${i * 7} make ${i * 8}.`,
  );
  tokenizer = await createTokenizer(await trainBpe(texts, { vocabularySize: 300 }));
  const writer = createIndexedDatasetWriter(join(directory, "corpus"), { type: "u16" });
  for (const text of texts) writer.addDocument([...tokenizer.encode(text), tokenizer.endOfText!]);
  writer.finish();
});

const recipe = `
model: { numLayers: 2, hiddenSize: 32, numHeads: 2, maxPositions: 16, dropout: 0.1, attentionDropout: 0.1 }
data:
  tokenizer: unused
  train: ${join(directory, "corpus")}
  validation: { prefix: ${join(directory, "corpus")}, split: all }
  sequenceLength: 16
train:
  optimizer: { name: adamw, learningRate: 1e-3 }
  schedule: { name: reduce-on-plateau, warmupSteps: 3, patience: 0 }
  steps: 12
  batchSize: 8
  microBatchSize: 4
  batchRamp: { start: 4, increment: 4, samples: 20 }
  evaluation: { every: 3, batches: 2 }
  checkpoint: { every: 5, keepLast: 2 }
  log: { every: 2 }
`;

async function run(
  name: string,
  {
    overrides = [],
    resume,
    stopAfter,
    files,
  }: { overrides?: Override[]; resume?: string; stopAfter?: number; files?: Record<string, Uint8Array> } = {},
) {
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
    overrides: [["run.directory", join(directory, name)], ...overrides],
    check: checkPretrainConfig,
  });
  const events: RunEvent[] = [];
  const stop = { requested: null as string | null };
  const onEvent = (event: RunEvent) => {
    events.push(event);
    if (event.type === "step" && event.step === stopAfter) stop.requested = "SIGTERM";
  };
  const result = await pretrain(configuration, { tokenizer, files, resume, onEvent, stop });
  return { ...result, events, directory: join(directory, name) };
}

/** Names and digests of all files of a checkpoint that hold tensors or state. */
function contents(runDirectory: string) {
  const checkpoint = loadCheckpoint(latestCheckpoint(runDirectory)!.directory);
  const { step, consumedSamples, training, files } = checkpoint.manifest;
  checkpoint.close();
  const { trainedSeconds: _, joules: __, ...state } = training as Record<string, unknown>;
  const digests = files.filter(({ name }) => name.endsWith(".safetensors")).map(({ name, sha256 }) => [name, sha256]);
  return { step, consumedSamples, state, digests };
}

/** The lines of metrics.jsonl that have a validation loss. */
const validationLosses = (runDirectory: string) =>
  readFileSync(join(runDirectory, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; validationLoss?: number })
    .filter(({ validationLoss }) => validationLoss !== undefined);

describe("pretrain", () => {
  it.each([1, 4, 7, 11])(
    "stopped after step %d and resumed equals the uninterrupted run, bit for bit",
    async (stopAfter) => {
      const name = `interrupted-${stopAfter}`;
      await run("uninterrupted", { resume: "auto" });
      const first = await run(name, { stopAfter });
      expect(first).toMatchObject({ reason: "stopped", step: stopAfter });
      const second = await run(name, { resume: "auto" });
      expect(second).toMatchObject({ reason: "completed", step: 12 });
      expect(contents(second.directory)).toEqual(contents(join(directory, "uninterrupted")));
      expect(validationLosses(second.directory)).toEqual(validationLosses(join(directory, "uninterrupted")));
    },
  );

  it("learns, keeps the last and best checkpoints, and logs the noise scale", async () => {
    const { events, directory: runDirectory } = await run("learning", {
      overrides: [
        ["train.steps", "60"],
        ["train.schedule.patience", "50"],
      ],
    });
    const evaluated = events.flatMap((event) => (event.type === "evaluated" ? [event.result.loss] : []));
    expect(evaluated.at(-1)).toBeLessThan(evaluated[0]! - 0.5);
    expect(events.some((event) => event.type === "report" && event.noise !== null)).toBe(true);
    expect(readdirSync(runDirectory).filter((name) => name.startsWith("step-")).length).toBeLessThanOrEqual(3);
  });

  it("reports a completed run, and continues when steps are added", async () => {
    await run("complete");
    const again = await run("complete", { resume: "auto" });
    expect(again).toMatchObject({ reason: "already complete", step: 12 });
    expect(again.events.filter(({ type }) => type === "step")).toHaveLength(0);
    const more = await run("complete", { resume: "auto", overrides: [["train.steps", "14"]] });
    expect(more).toMatchObject({ reason: "completed", step: 14 });
    expect(more.events).toContainEqual({ type: "changed", path: "train.steps", old: 12, new: 14 });
  });

  it("keeps the files beside a tokenizer when it resumes, and when another run starts from its weights", async () => {
    const template = new TextEncoder().encode("{{ messages }}");
    const read = (name: string) => {
      const checkpoint = loadCheckpoint(latestCheckpoint(join(directory, name))!.directory);
      const bytes = Buffer.from(checkpoint.readFile("chat_template.jinja"));
      checkpoint.close();
      return bytes;
    };
    await run("templates", { stopAfter: 1, files: { "chat_template.jinja": template } });
    await run("templates", { stopAfter: 2, resume: "auto" });
    expect(read("templates").equals(template)).toBe(true);
    const from = ["model", `{ from: ${join(directory, "templates")} }`] as const;
    await run("templates-from", { stopAfter: 1, overrides: [[...from]] });
    expect(read("templates-from").equals(template)).toBe(true);
  });

  it("falls back to the last intact checkpoint, from which it ends as the uninterrupted run", async () => {
    await run("uninterrupted", { resume: "auto" });
    await run("damaged", { stopAfter: 3 });
    await run("damaged", { resume: "auto", stopAfter: 6 });
    const newest = join(directory, "damaged", "step-00000006");
    const weights = join(newest, "weights-00001-of-00001.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    const again = await run("damaged", { resume: "auto" });
    expect(again).toMatchObject({ reason: "completed", step: 12 });
    expect(again.events).toContainEqual({
      type: "damaged",
      directory: newest,
      reason: expect.stringContaining(weights),
    });
    expect(contents(again.directory)).toEqual(contents(join(directory, "uninterrupted")));
    expect(validationLosses(again.directory)).toEqual(validationLosses(join(directory, "uninterrupted")));
  });

  it("deletes what a killed run left beside its checkpoints, also when it was complete", async () => {
    const { directory: runDirectory } = await run("leftover");
    const whole = readdirSync(runDirectory).sort();
    cpSync(join(runDirectory, "step-00000010"), join(runDirectory, "step-00000002"), { recursive: true });
    await run("leftover", { resume: "auto" });
    expect(readdirSync(runDirectory).sort()).toEqual(whole);
  });

  it("resumed from an earlier checkpoint, keeps what it saves beside later ones", async () => {
    const { directory: runDirectory } = await run("rewound", {
      overrides: [["train.checkpoint.every", "3"]],
      stopAfter: 6,
    });
    const overrides: Override[] = [
      ["train.checkpoint.every", "1"],
      ["train.checkpoint.keepLast", "1"],
    ];
    await run("rewound", { resume: join(runDirectory, "step-00000003"), overrides, stopAfter: 4 });
    expect(readdirSync(runDirectory)).toEqual(expect.arrayContaining(["step-00000004", "step-00000006"]));
  });

  it("reports its first step, then at every interval, also when resumed", async () => {
    const overrides: Override[] = [["train.log.every", "4"]];
    const told = ({ events }: { events: RunEvent[] }) =>
      events.flatMap((event) => (event.type === "report" ? [event.report.step] : []));
    expect(told(await run("told", { overrides, stopAfter: 6 }))).toEqual([1, 4, 6]);
    expect(told(await run("told", { overrides, resume: "auto" }))).toEqual([7, 8, 12]);
    const logged = readFileSync(join(directory, "told", "metrics.jsonl"), "utf8")
      .trim()
      .split("\n");
    const steps = logged.map((line) => JSON.parse(line)).filter(({ loss }) => loss !== undefined);
    expect(steps.map(({ step }) => step)).toEqual([1, 4, 6, 7, 8, 12]);
    // Energy adds up over the whole run, resumed or not.
    const energies = steps.map(({ kilowattHours }) => kilowattHours as number);
    expect(energies.every((energy, i) => energy > (energies[i - 1] ?? 0))).toBe(true);
    const whole = await run("told-of-each", { overrides: [["train.log.every", "1"]] });
    expect(told(whole)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const losses = whole.events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(steps[1].loss).toBeCloseTo((losses[1]! + losses[2]! + losses[3]!) / 3, 5);
  });

  it("continues counting samples after a change of batch size", async () => {
    const constant: Override = ["train.batchRamp", "null"];
    const first = await run("resized", { overrides: [constant], stopAfter: 4 });
    expect(first.events[0]).toMatchObject({ totalSamples: 12 * 8 });
    const { events } = await run("resized", { resume: "auto", overrides: [constant, ["train.batchSize", "16"]] });
    const reports = events.flatMap((event) => (event.type === "report" ? [event.report] : []));
    expect(events.find(({ type }) => type === "started")).toMatchObject({ totalSamples: 4 * 8 + 8 * 16 });
    expect(reports.at(-1)).toMatchObject({ consumedSamples: 4 * 8 + 8 * 16, secondsLeft: 0 });
    const fractions = events.flatMap((event) => (event.type === "step" ? [event.fraction] : []));
    expect(fractions).toEqual(Array.from({ length: 8 }, (_, i) => (5 + i) / 12));
  });

  it("locks its directory", async () => {
    const runDirectory = join(directory, "shared");
    const release = takeLock(join(runDirectory, "lock"), { refuse: () => new Error("is free") });
    await expect(run("shared", { resume: "auto" })).rejects.toThrow(
      `run.directory: a run is writing to ${runDirectory} (process ${process.pid}): stop it first, or choose another directory`,
    );
    expect(readdirSync(runDirectory)).toEqual(["lock"]);
    release();
    expect(await run("shared", { resume: "auto", stopAfter: 1 })).toMatchObject({ step: 1 });
    expect(readdirSync(runDirectory)).not.toContain("lock");
  });

  it("rejects --resume with a path that is not a training checkpoint", async () => {
    await expect(run("from-nothing", { resume: "newest" })).rejects.toThrow(
      "--resume: expected auto, never or a checkpoint; newest: no such run or checkpoint",
    );
    await run("weights", { stopAfter: 1 });
    const { directory: saved } = latestCheckpoint(join(directory, "weights"))!;
    const checkpoint = loadCheckpoint(saved);
    const { model, tokenizerFingerprint } = checkpoint.manifest;
    const weights = checkpoint.weights.names.map((name) => ({
      ...checkpoint.weights.info(name),
      name,
      bytes: () => checkpoint.weights.read(name),
    }));
    const imported = join(directory, "imported");
    const tokenizerFields = tokenizerFingerprint === null ? {} : { tokenizerFingerprint };
    await saveCheckpoint({
      directory: imported,
      step: 0,
      consumedSamples: 0,
      model,
      groups: { weights },
      ...tokenizerFields,
    });
    checkpoint.close();
    await expect(run("from-weights", { resume: imported })).rejects.toThrow("--resume: expected a checkpoint");
  });

  it("refuses to overwrite a run, and rejects another model or tokenizer", async () => {
    await run("refusing", { stopAfter: 1 });
    await expect(run("refusing")).rejects.toThrow(/already contains a run \(step 1\): resume it/);
    await expect(run("refusing", { resume: "auto", overrides: [["model.numLayers", "3"]] })).rejects.toThrow(
      /model.numLayers: expected 2, as in the checkpoint .*; got 3/,
    );
    const other = await createTokenizer(await trainBpe(["something else"], { vocabularySize: 260 }));
    const own = tokenizer;
    tokenizer = other;
    try {
      await expect(run("refusing", { resume: "auto", overrides: [["model.vocabularySize", "300"]] })).rejects.toThrow(
        /data.tokenizer: does not fit the checkpoint/,
      );
    } finally {
      tokenizer = own;
    }
  });

  it("stops at a NaN loss, names the step, and keeps the last good checkpoint", async () => {
    const overrides: Override[] = [
      ["train.optimizer.learningRate", "1e30"],
      ["train.schedule", "{ name: constant }"],
      ["train.clipNorm", "null"],
      ["train.checkpoint.every", "1"],
    ];
    await expect(run("diverging", { overrides })).rejects.toThrow(
      /^step \d+: the loss is (NaN|Infinity|[\d.]+) and the gradient norm/,
    );
    const checkpoint = loadCheckpoint(latestCheckpoint(join(directory, "diverging"))!.directory);
    const weights = new Float32Array(checkpoint.weights.read("tokenEmbedding.weight").buffer);
    expect(weights.length).toBe(300 * 32);
    checkpoint.close();
  });

  it("saves no weights that the last update made infinite", async () => {
    const overrides: Override[] = [
      ["train.optimizer.learningRate", "1e38"],
      ["train.schedule", "{ name: constant }"],
      ["train.steps", "1"],
      ["train.evaluation", "null"],
    ];
    await expect(run("overflowing", { overrides })).rejects.toThrow(/^step 1: .*NaN or infinite/);
    expect(latestCheckpoint(join(directory, "overflowing"))).toBeUndefined();
  });

  it("stops at a validation loss that is NaN, and does not save", async () => {
    const overrides: Override[] = [
      ["train.optimizer.learningRate", "1e19"],
      ["train.schedule", "{ name: constant }"],
      ["train.steps", "1"],
    ];
    await expect(run("blind", { overrides })).rejects.toThrow(/^step 1: the validation loss is NaN/);
    expect(latestCheckpoint(join(directory, "blind"))).toBeUndefined();
  });

  it("validates on the same text whatever the micro-batch", async () => {
    const losses = [];
    for (const microBatchSize of [1, 2, 4, 8]) {
      const name = `micro-${microBatchSize}`;
      const overrides: Override[] = [
        ["train.microBatchSize", `${microBatchSize}`],
        ["train.batchRamp", "null"],
        ["train.optimizer.learningRate", "1e-9"],
      ];
      const { events } = await run(name, { overrides, stopAfter: 3 });
      losses.push(...events.flatMap((event) => (event.type === "evaluated" ? [event.result] : [])));
    }
    expect(losses.map(({ tokens }) => tokens)).toEqual(Array(4).fill(losses[0]!.tokens));
    for (const { loss } of losses) expect(loss).toBeCloseTo(losses[0]!.loss, 5);
  });

  it("notices a dataset that was replaced under the same prefix", async () => {
    const prefix = join(directory, "replaced");
    const write = (documents: number[][]) => {
      const writer = createIndexedDatasetWriter(prefix, { type: "u16" });
      for (const document of documents) writer.addDocument(document);
      writer.finish();
    };
    write(Array.from({ length: 30 }, (_, i) => Array.from({ length: 20 }, (_, j) => (i * j) % 290)));
    const overrides: Override[] = [["data.train", prefix]];
    await run("replacing", { overrides, stopAfter: 2 });
    write(Array.from({ length: 40 }, (_, i) => Array.from({ length: 20 }, (_, j) => (i + j) % 290)));
    await expect(run("replacing", { overrides, resume: "auto" })).rejects.toThrow(`${prefix} is not the dataset`);
    await run("replacing", { resume: "auto", stopAfter: 1 });
  });

  it("ends at its time limit", async () => {
    const result = await run("limited", {
      overrides: [
        ["train.steps", "100000"],
        ["train.timeLimitMinutes", "0.02"],
      ],
    });
    expect(result.reason).toBe("time limit");
    expect(result.step).toBeLessThan(100000);
    expect(
      (
        await run("limited", {
          resume: "auto",
          overrides: [
            ["train.steps", "100000"],
            ["train.timeLimitMinutes", "0.02"],
          ],
        })
      ).reason,
    ).toBe("already complete");
  });
});
