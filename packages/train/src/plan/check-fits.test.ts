/** Which runs are refused, and that the change that is named does fit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadMemoryCounter } from "@megatron-ts/engine";
import { beforeAll, describe, expect, it } from "vitest";
import { completeModel, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { ConfigError } from "../errors.ts";
import { checkFits } from "./check-fits.ts";
import { machineMemory } from "./machine-memory.ts";
import { type CountMemory, planStep } from "./plan-memory.ts";
import { standInTokenizer } from "./stand-in-tokenizer.ts";

const tokenizer = standInTokenizer(300);
let count: CountMemory;
beforeAll(async () => {
  count = await loadMemoryCounter();
});

const configure = ({ train = {}, ...sections }: { train?: object; engine?: object; parallel?: object } = {}) =>
  pretrainConfigSchema.parse({
    model: { family: "gpt", numLayers: 6, hiddenSize: 64, numHeads: 2, maxPositions: 512 },
    data: { tokenizer: "none", train: "none", sequenceLength: 512 },
    train: { optimizer: { name: "adamw", learningRate: 1e-3 }, steps: 3, batchSize: 16, microBatchSize: 16, ...train },
    run: { directory: "none" },
    ...sections,
  });

type Configuration = ReturnType<typeof configure>;

const withModel = (configuration: Configuration) => ({
  model: completeModel(configuration.model, tokenizer),
  tokenizer,
  count,
});
const peakOf = (configuration: Configuration) => planStep(configuration, withModel(configuration)).memory.peak;
/** More than the tensors. */
const OTHERS = 64e6;

function refusal(configuration: Configuration, available: number, ranks = 1): string | null {
  try {
    checkFits(configuration, { ...withModel(configuration), available, ranks });
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
}

describe("checkFits", () => {
  it("refuses what exceeds the memory by a byte, and nothing else", () => {
    const needed = OTHERS + peakOf(configure());
    expect(refusal(configure(), needed)).toBeNull();
    expect(refusal(configure(), needed - 1)).toMatch(/^train: /);
    expect(refusal(configure(), 2 * needed - 1, 2)).toMatch(/2 ranks share/);
  });

  it.each([
    ["a smaller micro-batch", { microBatchSize: 4 }, /--train.microBatchSize 4 fits/],
    ["recomputing norms", { microBatchSize: 1, recompute: "selective" }, /--train.recompute selective fits/],
    ["recomputing blocks", { microBatchSize: 1, recompute: "full" }, /--train.recompute full/],
  ])("names the cheapest change: %s", (_, change, expected) => {
    const engine = { precision: "bf16" };
    const available = OTHERS + peakOf(configure({ train: change, engine }));
    const message = refusal(configure({ engine }), available)!;
    expect(message).toMatch(expected);
    const given = [...message.matchAll(/--train\.(\w+) (\w+)/g)].map(([, field, value]) => [
      field,
      field === "recompute" ? value : Number(value),
    ]);
    expect(refusal(configure({ train: Object.fromEntries(given), engine }), available)).toBeNull();
  });

  it("says where nothing helps", () => {
    expect(refusal(configure(), OTHERS + 1e6)).toMatch(/^model: .*smaller model/);
  });

  it("adds up the stages of a pipeline on this machine, and takes the smallest where they may be elsewhere", () => {
    const parallel = { pipeline: 2, tensor: 2 };
    const configuration = configure({ train: { microBatchSize: 1, batchSize: 4 }, parallel });
    const peaks = planStep(configuration, withModel(configuration)).stages.map(({ memory }) => memory.peak);
    const needed = 4 * OTHERS + 2 * peaks[0]! + 2 * peaks[1]!;
    expect(refusal(configuration, needed, 4)).toBeNull();
    expect(refusal(configuration, needed - 1, 4)).not.toBeNull();
    expect(refusal(configuration, 2 * (OTHERS + Math.min(...peaks)), 2)).toBeNull();
  });

  it("counts only what is certain of other backends and of pairs", () => {
    const { weights, optimizer } = planStep(configure(), withModel(configure())).memory;
    const available = OTHERS + 2 * weights + optimizer;
    expect(refusal(configure(), available)).not.toBeNull();
    expect(refusal(configure({ engine: { backend: "wasm" } }), available)).toBeNull();
  });
});

describe("machineMemory", () => {
  it("adds swap space to memory, within the limits of a container", () => {
    const directory = mkdtempSync(join(tmpdir(), "megatron-memory-test-"));
    try {
      const files = { meminfo: join(directory, "meminfo"), swapLimit: join(directory, "swap") };
      writeFileSync(files.meminfo, "MemTotal:  8000 kB\nSwapTotal:       1000 kB\n");
      const total = 8_192_000;
      expect(machineMemory({ total, limit: 0, files })).toBe(total + 1_024_000);
      expect(machineMemory({ total, limit: 2 ** 63, files })).toBe(total + 1_024_000);
      expect(machineMemory({ total, limit: 1e6, files })).toBe(2_024_000);
      writeFileSync(files.swapLimit, "max\n");
      expect(machineMemory({ total, limit: 1e6, files })).toBe(2_024_000);
      writeFileSync(files.swapLimit, "5000\n");
      expect(machineMemory({ total, limit: 1e6, files })).toBe(1_005_000);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
