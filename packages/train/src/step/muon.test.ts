/**
 * A hundred steps of our Muon beside torch.optim.Muon, on the same gradients (fixtures/muon): with its Newton-Schulz in
 * float32, and as PyTorch runs it, in bfloat16, whose rounding the bounds allow for.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openSafetensors } from "@megatron-ts/checkpoint";
import { backends, start } from "@megatron-ts/engine";
import { kernelFlops } from "@megatron-ts/ops";
import { createScope, normal, type Parameters, singleRankMesh } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { optimizerConfigSchema } from "../configuration/optimizer-configuration.ts";
import { createMuon, type MuonConfig } from "./muon.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/muon/${name}`, import.meta.url));
const golden = openSafetensors(fixture("golden.safetensors"));
const floats = (name: string) => new Float32Array(golden.read(name).buffer);

const shapes = { wide: [4, 12], tall: [12, 5], square: [7, 7] } as const;
type MatrixName = keyof typeof shapes;
const matrixNames = Object.keys(shapes) as MatrixName[];

interface Run extends Pick<MuonConfig, "weightDecay" | "nesterov" | "epsilon"> {
  learningRates: number[];
  momenta: number[];
}
type RunName = MuonConfig["adjustment"];
const { keptSteps, ...runs } = JSON.parse(readFileSync(fixture("golden.json"), "utf8")) as {
  keptSteps: number[];
} & Record<RunName, Run>;
/** The momentum warms up in one of the runs. */
const warmups: Partial<Record<RunName, MuonConfig["momentumWarmup"]>> = {
  "spectral-unclamped": { start: 0.85, steps: 30 },
};

const parse = (fields: object) =>
  optimizerConfigSchema.parse({
    name: "muon",
    learningRate: 0.02,
    adamw: { learningRate: 0.001 },
    ...fields,
  }) as MuonConfig;

/** The largest differences over the kept steps, relative to the largest value. */
function differences(run: RunName, changes: Partial<MuonConfig> = {}): { float32: number; bfloat16: number } {
  const { learningRates, momenta, ...settings } = runs[run];
  const config = parse({
    ...settings,
    ...{ learningRate: learningRates[0]!, momentum: momenta.at(-1)!, momentumWarmup: warmups[run], adjustment: run },
    ...changes,
  });
  const { scope, parameters } = createScope({
    mesh: singleRankMesh,
    source: ({ name, shape }) => tf.tensor(floats(`input.${name}`), [...shape]),
  });
  for (const name of matrixNames) scope.parameter(name, shapes[name], normal(1));
  const optimizer = createMuon(parameters, config);
  const most = { float32: 0, bfloat16: 0 };
  const compare = (tensor: tf.Tensor, expected: Float32Array, type: keyof typeof most) => {
    const values = tensor.dataSync();
    const scale = expected.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
    expected.forEach((value, i) => {
      most[type] = Math.max(most[type], Math.abs(values[i]! - value) / scale);
    });
  };
  const at = (name: string, index: number, matrix: MatrixName) => {
    const size = tf.util.sizeFromShape([...shapes[matrix]]);
    return floats(name).slice(index * size, (index + 1) * size);
  };
  learningRates.forEach((learningRate, step) => {
    const tensors = matrixNames.map((name) => tf.tensor(at(`input.gradients.${name}`, step, name), [...shapes[name]]));
    optimizer.update({ tensors, scale: 1 }, learningRate);
    const kept = keptSteps.indexOf(step + 1);
    if (kept < 0) return;
    for (const name of matrixNames) {
      const { tensor } = parameters.get(name)!;
      compare(tensor, at(`output.${run}.${name}`, kept, name), "float32");
      compare(tensor, at(`output.${run}.bfloat16.${name}`, kept, name), "bfloat16");
    }
  });
  for (const name of matrixNames) {
    compare(optimizer.state.get(`momentum.${name}`)!, floats(`output.${run}.${name}.momentum`), "float32");
  }
  optimizer.dispose();
  for (const { tensor } of parameters.values()) tensor.dispose();
  return most;
}

const names: RunName[] = ["original", "match-rms-adamw", "spectral-unclamped"];

for (const backend of ["cpu", "wasm", "native"] as const) {
  const missing = await backends[backend].unavailableReason();
  describe.skipIf(missing !== null)(`a hundred steps on ${backend}`, () => {
    beforeAll(async () => {
      await start({ backend });
    });
    it.each(names)("are PyTorch's with rates adjusted as %s", (run) => {
      const { float32, bfloat16 } = differences(run, { precision: "f32" });
      expect(float32).toBeLessThan(1e-5);
      expect(bfloat16).toBeLessThan(2e-2);
    });
    it("stay near PyTorch's when both round to bf16", () => {
      expect(differences("original").bfloat16).toBeLessThan(2e-2);
    });
  });
}

describe("another setting is seen", () => {
  beforeAll(() => start({ backend: "cpu" }));
  it.each<Partial<MuonConfig>>([
    { momentum: 0.951 },
    { momentumWarmup: null },
    { nesterov: false },
    { weightDecay: 0.49 },
    { weightDecaySchedule: "learning-rate" },
    { epsilon: 0.04 },
    { cautious: true },
    { adjustment: "original" },
  ])("%o", (changes) => {
    expect(differences("spectral-unclamped", changes).float32).toBeGreaterThan(4e-5);
  });
});

describe("a model's weights", () => {
  beforeAll(() => start({ backend: "cpu" }));

  function parametersOf(kinds: Record<string, "matrix" | "embedding" | "head" | "scalar">): Parameters {
    const { scope, parameters } = createScope({
      mesh: singleRankMesh,
      source: ({ shape }) => tf.ones([...shape]),
    });
    for (const [name, kind] of Object.entries(kinds)) scope.parameter(name, [2, 2], normal(1), { kind, decay: false });
    return parameters;
  }

  it("follow one schedule, each group from its own peak", () => {
    const kinds = { w: "matrix", e: "embedding", h: "head", s: "scalar" } as const;
    const parameters = parametersOf(kinds);
    const rates = { embeddings: 0.3, head: 0.05 };
    const optimizer = createMuon(parameters, parse({ momentum: 0, adamw: { learningRate: 0.1, rates } }));
    expect([...optimizer.state.keys()].sort()).toEqual(
      ["momentum.w", "first.e", "first.h", "first.s", "second.e", "second.h", "second.s"].sort(),
    );
    // A gradient of the identity is orthogonal already, and Adam's first step is the sign of the gradient.
    const identity = () => tf.tensor2d([1, 0, 0, 1], [2, 2]);
    optimizer.update({ tensors: Object.keys(kinds).map(identity), scale: 1 }, 0.01);
    const steps = [...parameters.values()].map(({ name, tensor }) => [name, 1 - tensor.dataSync()[0]!] as const);
    const moved = Object.fromEntries(steps);
    expect(moved.e).toBeCloseTo(0.15, 5);
    expect(moved.h).toBeCloseTo(0.025, 5);
    expect(moved.s).toBeCloseTo(0.05, 5);
    expect(moved.w).toBeGreaterThan(0.006);
    expect(moved.w).toBeLessThan(0.013);
    optimizer.dispose();
    expect(optimizer.step).toBe(1);
  });

  it("may all be of one kind, and have their FLOPs counted", () => {
    for (const kind of ["matrix", "scalar"] as const) {
      const parameters = parametersOf({ only: kind });
      const optimizer = createMuon(parameters, parse({}));
      optimizer.update({ tensors: [tf.ones([2, 2])], scale: 1 }, 0.02);
      expect(optimizer.step).toBe(1);
      expect(parameters.get("only")!.tensor.dataSync()[0]).toBeLessThan(1);
    }
    // Five steps, each a Gram matrix of the smaller side, its square and their product with the matrix.
    const shapes = { p0: { shape: [768, 192] }, p1: { shape: [192, 192] } };
    const large = 192 * 192 * 768 + 192 ** 3 + 192 * 192 * 768;
    expect(kernelFlops("MegatronMuon", shapes)).toBe(5 * 2 * (large + 3 * 192 ** 3));
  });
});
