import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-plan-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const recipe = join(directory, "recipe.yaml");
beforeAll(() => {
  writeFileSync(
    recipe,
    `model: { preset: megatron-gpt-345m }
data: { tokenizer: ${join(directory, "none")}, train: ${join(directory, "none")}, sequenceLength: 1024 }
train:
  optimizer: { name: adamw, learningRate: 1.0e-4 }
  steps: 1000
  batchSize: 512
  microBatchSize: 4
  recompute: full
run: { directory: ${join(directory, "run")} }
`,
  );
});

interface Plan {
  parameters: number;
  flopsPerToken: number;
  memory: Record<string, number>;
  stages: Record<string, number>[];
  resident: number;
  fits: boolean;
  seconds: number;
  kilowattHours: number;
  split: object;
}

describe("megatron plan", () => {
  it("tells parameters, FLOPs and memory without data or tokenizer", async () => {
    const plan = await megatronJson<Plan>("plan", recipe, "--seconds", "0", "--engine.precision", "bf16");
    expect(plan).toMatchObject({ parameters: 354_871_296, steps: 1000, tokensPerStep: 512 * 1024, ranks: 1 });
    expect(plan.flopsPerToken).toBeCloseTo(2.42e9, -7);
    const { weights, gradients, optimizer, activations, peak } = plan.memory as Record<string, number>;
    expect(weights! + gradients! + optimizer! + activations!).toBe(peak);
    expect(plan.resident).toBeGreaterThan(peak!);
  });

  it("plans each rank of a pipeline, and names the one that takes most", async () => {
    const tiny = join(directory, "pipeline.yaml");
    const model = "{ family: gpt, numLayers: 4, hiddenSize: 32, numHeads: 2, maxPositions: 64, vocabularySize: 3000 }";
    writeFileSync(tiny, readFileSync(recipe, "utf8").replace("{ preset: megatron-gpt-345m }", model));
    const layout = ["--data.sequenceLength", "64", "--parallel.pipeline", "2", "--parallel.virtualStages", "2"];
    type Staged = Omit<Plan, "stages"> & {
      stages: { parameters: number; layers: object[]; memory: { peak: number } }[];
    };
    const { stages, parameters, memory, resident } = await megatronJson<Staged>(
      "plan",
      tiny,
      "--seconds",
      "0",
      ...layout,
    );
    expect(stages.map(({ layers }) => layers.length)).toEqual([2, 2]);
    expect(stages[0]!.parameters + stages[1]!.parameters).toBe(parameters + 3000 * 32);
    const peaks = stages.map((stage) => stage.memory.peak);
    expect(memory.peak).toBe(Math.max(...peaks));
    expect(resident).toBeGreaterThan(peaks[0]! + peaks[1]!);
    const { stdout } = await megatron("plan", tiny, "--seconds", "0", ...layout);
    expect(stdout).toMatch(/^pipeline +rank 0: layers 1, 3, .* parameters, \d+% of the FLOPs, .*B/m);
    expect(stdout.match(/\(the largest\)$/gm)).toHaveLength(1);
  });

  it("plans a fine-tuning by its rows: adapters leave the base without gradients and optimizer state", async () => {
    const rows = join(directory, "rows.csv");
    writeFileSync(rows, `text,label\n${"we like whales,good\nwe sold them,bad\n".repeat(20)}`);
    const finetune = join(directory, "finetune.yaml");
    writeFileSync(
      finetune,
      `task: { name: classification }
model: { family: bert, numLayers: 2, hiddenSize: 64, numHeads: 2, maxPositions: 32 }
data: { train: ${rows}, maxTokens: 16 }
selfPretrain: { vocabularySize: 300 }
train: { steps: 7, batchSize: 8 }
run: { directory: ${join(directory, "finetuned")} }
`,
    );
    type Finetuning = Plan & { trainedParameters: number };
    const all = await megatronJson<Finetuning>("plan", finetune);
    expect(all).toMatchObject({
      family: "bert",
      steps: 7,
      batchSize: 8,
      fits: true,
      data: { training: 36, labels: 2 },
    });
    expect(all.trainedParameters).toBe(all.parameters);
    expect(all.memory.optimizer).toBeGreaterThan(8 * all.parameters);
    const adapters = await megatronJson<Finetuning>("plan", finetune, "--lora.rank", "4", "--engine.precision", "bf16");
    expect(adapters.trainedParameters).toBeLessThan(adapters.parameters / 10);
    expect(adapters.memory.optimizer).toBeLessThan(all.memory.optimizer! / 10);
    expect(adapters.memory.weights).toBeLessThan(0.7 * all.memory.weights!);
    expect((await megatron("plan", finetune, "--seconds", "0")).stdout).toMatch(
      /^run +7 steps of 8 rows, in micro-batches of 8 rows of up to \d+ tokens$/m,
    );
    const refused = await megatron("plan", finetune, "--device", "h100");
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("--device: fine-tuning is planned for"),
    ]);
  });

  it("measures this machine, and adds up time, energy and emissions", async () => {
    const tiny = join(directory, "tiny.yaml");
    writeFileSync(
      tiny,
      `model: { family: gpt, numLayers: 2, hiddenSize: 32, numHeads: 2, maxPositions: 64, vocabularySize: 300 }
data: { tokenizer: none, train: none, sequenceLength: 64 }
train: { optimizer: { name: adamw, learningRate: 1.0e-4 }, steps: 100, batchSize: 4, microBatchSize: 2 }
run: { directory: none }
energy: { watts: 100, powerUsageEffectiveness: 1.5, kilogramsPerKilowattHour: 0.4 }
`,
    );
    const plan = await megatronJson<Plan & Record<string, number>>("plan", tiny, "--seconds", "1");
    expect(plan.fits).toBe(true);
    expect(plan.seconds).toBeCloseTo(100 * plan.secondsPerStep!, 6);
    expect(plan.tokensPerSecond).toBeCloseTo(256 / plan.secondsPerStep!, 3);
    // At most all processors at their full power.
    expect(plan.kilowattHours).toBeLessThanOrEqual((1.01 * 100 * 1.5 * plan.seconds) / 3.6e6);
    expect(plan.emissionsKilograms).toBeCloseTo(0.4 * plan.kilowattHours, 9);
    const { stdout } = await megatron("plan", tiny, "--seconds", "1");
    for (const word of ["model", "memory", "activations", "resident", "time", "speed", "energy"])
      expect(stdout).toContain(word);
  });

  it("plans for accelerators, by the recipe's split or the fastest", async () => {
    const chosen = await megatronJson<Plan>("plan", recipe, "--device", "h100", "--count", "64");
    expect(chosen).toMatchObject({ device: "H100-SXM", devices: 64 });
    const split = ["--parallel.tensor", "2", "--parallel.pipeline", "2", "--parallel.data", "16"];
    const given = await megatronJson<Plan>("plan", recipe, "--device", "h100", "--count", "64", ...split);
    expect(given.split).toEqual({ tensor: 2, pipeline: 2, data: 16 });
    expect(given.seconds).toBeGreaterThanOrEqual(chosen.seconds);
    expect(given.stages.map(({ total }) => total)).toContain(given.memory.total);
    expect(Math.max(...given.stages.map(({ total }) => total!))).toBe(given.memory.total);
    // Two bytes for each parameter that a rank holds, which is half of a stage; the embedding is on both stages.
    const held = given.stages.reduce((sum, { weights }) => sum + weights! / 2, 0);
    expect(2 * held).toBeGreaterThan(given.parameters + 51_200 * 1024);
    const { stdout } = await megatron("plan", recipe, "--device", "a100-80gb", "--count", "8");
    expect(stdout).toMatch(/^split +tensor \d+ x pipeline \d+ x data \d+/m);
  });

  it("proposes a split for a described cluster, with what its ranks send", async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const large = ["--model.preset", "megatron-gpt-8.3b", "--train.microBatchSize", "1"];
    const hosts = "hosts: 4\nranksPerHost: 8\n";
    const fast = write("fast.yaml", `${hosts}device: a100-40gb\n`);
    const slow = write("slow.yaml", `${hosts}device: a100-40gb\nnetworkGigabytesPerSecond: 1\n`);
    const own = "device: { name: mine, teraflops: 100, gigabytes: 24, gigabytesPerSecond: 900, watts: 300 }";
    const sheet = write("sheet.yaml", `hosts: 1\nranksPerHost: 8\n${own}\nlinkGigabytesPerSecond: 20\n`);
    type Proposal = Plan & Record<"time" | "traffic", Record<string, number>> & { devices: number; device: string };
    const planned = (file: string, ...argv: string[]) =>
      megatronJson<Proposal>("plan", recipe, "--cluster", file, ...argv);
    const [quick, held] = [await planned(fast, ...large), await planned(slow, ...large)];
    expect([quick.devices, held.devices]).toEqual([32, 32]);
    expect(held.time.total).toBeGreaterThan(quick.time.total!);
    const { tensor, stages, data, total } = quick.traffic;
    expect(tensor! + stages! + data!).toBeCloseTo(total!, 0);
    expect(await planned(sheet)).toMatchObject({ device: "mine", devices: 8 });
    const { stdout } = await megatron("plan", recipe, "--cluster", fast, ...large);
    expect(stdout).toMatch(/^traffic +\d.* a step from each rank: tensor \d.*, pipeline \d.*, data \d/m);

    for (const [text, message] of [
      ["hosts: 0\nranksPerHost: 8\ndevice: h100\n", /bad.yaml.*hosts/],
      ["hosts: 1\nranksPerHost: 8\ndevice: tpu\n", /device: expected one of V100/],
      [`hosts: 2\nranksPerHost: 1\n${own}\n`, /networkGigabytesPerSecond: expected the bandwidth between hosts/],
      ["hosts: 1\nranksPerHost: 7\ndevice: h100\n", /--cluster .*bad.yaml: no split of 24 layers/],
    ] as const) {
      const { code, stderr } = await megatron("plan", recipe, "--cluster", write("bad.yaml", text));
      expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 2, lines: 1 });
      expect(stderr).toMatch(message);
    }
  });

  it("says why a small model has no gradients at its peak", async () => {
    const { stdout } = await megatron("plan", join(directory, "tiny.yaml"), "--seconds", "0");
    expect(stdout).toMatch(/^ {2}gradients +(0 B \(none exists yet|[1-9])/m);
  });

  it.each<[string[], RegExp]>([
    [["--device", "h100", "--cluster", "c.yaml"], /^error: --cluster c.yaml: expected neither --device nor --count/],
    [["--count", "8"], /^error: --count 8: expected --device/],
    [["--cluster", "none.yaml"], /none.yaml: no such file/],
    [["--device", "tpu"], /^error: --device tpu: expected one of V100/],
    [["--device", "h100", "--count", "7"], /^error: --count 7: no split of 24 layers/],
    [["--device", "h100", "--count", "8", "--parallel.data", "4"], /^error: --count 8: expected 4/],
    [["--device", "h100", "--count", "0"], /^error: .*--count/],
    [["--parallel.tensor", "3"], /parallel.tensor: .*divisor/],
    [["--model.preset", "llama-7b-oops"], /preset/],
    [["--seconds", "-1"], /--seconds/],
  ])("%j is one line and exit code 2", async (argv, message) => {
    const { code, stdout, stderr } = await megatron("plan", recipe, ...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("megatron pretrain", () => {
  it("refuses at once what no machine's memory holds", async () => {
    // Steps of several sizes are planned: those of few layers are counted sooner.
    const small = join(directory, "small.yaml");
    const model = "{ family: gpt, numLayers: 2, hiddenSize: 64, numHeads: 2, maxPositions: 1024 }";
    writeFileSync(small, readFileSync(recipe, "utf8").replace("{ preset: megatron-gpt-345m }", model));
    const batch = ["--train.microBatchSize", "1000000", "--train.batchSize", "1000000"];
    const tokenizer = join(directory, "tok");
    writeFileSync(
      join(directory, "text.txt"),
      Array.from({ length: 300 }, (_, i) => `line ${i} of some text ${i * i}`).join("\n"),
    );
    const trained = await megatron(
      ...["tokenizer", "train", "--input", join(directory, "text.txt"), "--output", tokenizer, "--vocab-size", "300"],
    );
    expect(trained).toMatchObject({ code: 0 });
    const { code, stderr } = await megatron("pretrain", small, "--data.tokenizer", tokenizer, ...batch);
    expect(code).toBe(2);
    expect(stderr).toMatch(/needs \d.* of memory, and this machine has/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
