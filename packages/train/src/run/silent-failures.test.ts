/**
 * What goes wrong without a word in checkpoints of other programs: a save that repeats the one before, or, in the background, has bytes of a
 * later step; moments that are not loaded; data that comes in another order once a run is extended.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listCheckpoints, loadCheckpoint } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { toBytes } from "@megatron-ts/ops";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import type { Override } from "../configuration/recipe-overrides.ts";
import { writeCorpus } from "../testing/corpus.ts";
import { pretrain } from "./pretrain.ts";
import type { RunListener, TrainingRun } from "./training-run.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-silent-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let tokenizer: Tokenizer;
let worker: Awaited<ReturnType<typeof buildRank>>;
afterAll(() => worker.remove());
beforeAll(async () => {
  worker = await buildRank(new URL("../../../checkpoint/src/save-worker.ts", import.meta.url));
  await start({ backend: "wasm" });
  const documents = Array.from({ length: 30 }, (_, i) => [`The ${i}th sentence says that ${i} and ${i * 7} are two.`]);
  ({ tokenizer } = await writeCorpus(join(directory, "corpus"), { documents, endDocuments: true }));
});

const recipe = `
model: { family: gpt, numLayers: 1, hiddenSize: 16, numHeads: 2, maxPositions: 8, dropout: 0.1 }
data: { tokenizer: unused, train: ${join(directory, "corpus")}, sequenceLength: 8 }
train:
  optimizer: { name: adamw, learningRate: 1e-3 }
  evaluation: null
  steps: 4
  batchSize: 4
  microBatchSize: 4
  checkpoint: { every: 1, keepLast: 10 }
  log: { every: 1, tensorboard: false }
`;

const optimizers: [name: string, optimizer: string][] = [
  ["adamw", "{ name: adamw, learningRate: 1e-3 }"],
  ["muon", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 1e-3 } }"],
];

interface Options {
  overrides: Override[];
  resume?: string;
  listeners?: (run: TrainingRun) => RunListener[];
  stop?: { requested: string | null };
}

async function run(name: string, { overrides, resume, listeners, stop }: Options) {
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
    overrides: [["run.directory", join(directory, name)], ...overrides],
    check: checkPretrainConfig,
  });
  return pretrain(configuration, { tokenizer, resume, stop, listeners, saveWorker: worker.file });
}

/** The tensors of each checkpoint of a run, by group and name. */
function tensorsOfEach(name: string): Map<string, string>[] {
  return listCheckpoints(join(directory, name)).map((checkpoint) => {
    const { weights, optimizer, close } = loadCheckpoint(checkpoint.directory);
    const found = [weights, optimizer!].flatMap((reader, group) =>
      reader.names.map((tensor): [string, string] => [
        `${group} ${tensor}`,
        Buffer.from(reader.read(tensor)).toString("base64"),
      ]),
    );
    close();
    return new Map(found);
  });
}

describe.each(optimizers)("checkpoints with %s", (name, optimizer) => {
  const overrides: Override[] = [["train.optimizer", optimizer]];

  it("each hold other weights and moments than the one before, in every tensor", async () => {
    await run(`${name} each`, { overrides });
    const each = tensorsOfEach(`${name} each`);
    expect(each).toHaveLength(4);
    each.slice(1).forEach((tensors, index) => {
      const same = [...tensors].filter(([tensor, values]) => each[index]!.get(tensor) === values);
      expect(same.map(([tensor]) => tensor)).toEqual([]);
    });
  });

  it("give a resumed run the moments that they hold", async () => {
    await run(`${name} moments`, { overrides: [...overrides, ["train.steps", "2"]] });
    const saved = tensorsOfEach(`${name} moments`).at(-1)!;
    let state = new Map<string, string>();
    const listeners = ({ optimizer: { state: loaded } }: TrainingRun) => {
      state = new Map([...loaded].map(([tensor, value]) => [tensor, Buffer.from(toBytes(value)).toString("base64")]));
      return [];
    };
    await run(`${name} moments`, { overrides, resume: "auto", listeners });
    expect(state.size).toBeGreaterThan(10);
    for (const [tensor, values] of state) expect(saved.get(`1 ${tensor}`), tensor).toBe(values);
    const zeros = [...state.values()].filter((values) => Buffer.from(values, "base64").every((byte) => byte === 0));
    expect(zeros).toEqual([]);
  });
});

describe.each(optimizers)("saves in the background with %s", (name, optimizer) => {
  const overrides: Override[] = [
    ["train.optimizer", optimizer],
    ["train.steps", "7"],
    ["train.checkpoint.every", "2"],
  ];
  const background: Override = ["train.checkpoint.background", "true"];

  it("hold the bytes of their step, and none of a later one", async () => {
    await run(`${name} foreground`, { overrides });
    await run(`${name} background`, { overrides: [...overrides, background] });
    expect(listCheckpoints(join(directory, `${name} background`)).map(({ step }) => step)).toEqual([2, 4, 6, 7]);
    expect(tensorsOfEach(`${name} background`)).toEqual(tensorsOfEach(`${name} foreground`));
  });

  it("resume bit for bit, also a run that was stopped while it saved", async () => {
    const stop = { requested: null as string | null };
    const listeners = (training: TrainingRun) => [
      {
        onStep() {
          stop.requested = training.state.step === 4 ? "SIGTERM" : null;
        },
      },
    ];
    const options = { overrides: [...overrides, background], resume: "auto" };
    expect(await run(`${name} stopped`, { ...options, listeners, stop })).toMatchObject({ step: 4, reason: "stopped" });
    await run(`${name} stopped`, options);
    expect(tensorsOfEach(`${name} stopped`)).toEqual(tensorsOfEach(`${name} foreground`));
  });
});

describe("a run that is extended past its planned steps", () => {
  it("reads its data in the order in which a longer run would have", async () => {
    const order = (into: string[]) => (training: TrainingRun) => [
      { onStep: () => void into.push(JSON.stringify(training.batches.training.at(training.state.step - 1))) },
    ];
    const [whole, parts]: [string[], string[]] = [[], []];
    // More samples than the dataset has: the order of a later epoch counts too.
    const long: Override = ["train.steps", "30"];
    const rare: Override = ["train.checkpoint.every", "100"];
    await run("planned", { overrides: [long, rare], listeners: order(whole) });
    await run("extended", { overrides: [rare], listeners: order(parts) });
    await run("extended", { overrides: [long, rare], resume: "auto", listeners: order(parts) });
    expect(new Set(whole).size).toBe(30);
    expect(parts).toEqual(whole);
  });
});
