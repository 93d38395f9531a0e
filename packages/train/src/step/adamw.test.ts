/** A hundred steps of our AdamW beside PyTorch's, on the same gradients (fixtures/optimizers). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openSafetensors } from "@megatron-ts/checkpoint";
import { backends, start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { type AdamWConfig, createAdamW } from "./adamw.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/optimizers/${name}`, import.meta.url));
const golden = openSafetensors(fixture("golden.safetensors"));
const floats = (name: string) => new Float32Array(golden.read(name).buffer);

const parameterNames = ["weight", "bias"] as const;
const shapes = { weight: [6, 5], bias: [5] };
/** Gradients of each column have a scale of their own, down to 1e-7. */
const columns = 5;

interface Run extends Omit<AdamWConfig, "weightDecay"> {
  weightDecay: { weight: number };
  learningRates: number[];
}
type RunName = "adamw" | "roberta" | "bert";
const { keptSteps, ...runs } = JSON.parse(readFileSync(fixture("golden.json"), "utf8")) as {
  keptSteps: number[];
} & Record<RunName, Run>;

/** The largest difference over the steps: of parameters by the largest of all, of moments by the largest of its column. */
function largestDifference(run: RunName, changes: Partial<AdamWConfig> = {}): number {
  const { learningRates, weightDecay, ...settings } = runs[run];
  const parameters = new Map(
    parameterNames.map((name) => {
      const shape = shapes[name];
      const tensor = tf.tensor(floats(`input.${name}`), shape);
      return [name, { name, shape, tensor, decay: name === "weight" }] as const;
    }),
  );
  const optimizer = createAdamW(parameters as never, { ...settings, weightDecay: weightDecay.weight, ...changes });
  let most = 0;
  const compare = (tensor: tf.Tensor, expected: Float32Array, { byColumn }: { byColumn: boolean }) => {
    const values = tensor.dataSync();
    const scales = new Float64Array(columns);
    expected.forEach((value, i) => {
      const column = byColumn ? i % columns : 0;
      scales[column] = Math.max(scales[column]!, Math.abs(value));
    });
    expected.forEach((value, i) => {
      most = Math.max(most, Math.abs(values[i]! - value) / scales[byColumn ? i % columns : 0]!);
    });
  };
  const stepOf = (name: string, step: number, shape: number[]) => {
    const size = tf.util.sizeFromShape(shape);
    return floats(name).slice(step * size, (step + 1) * size);
  };

  learningRates.forEach((learningRate, step) => {
    const tensors = parameterNames.map((name) =>
      tf.tensor(stepOf(`input.gradients.${name}`, step, shapes[name]), shapes[name]),
    );
    optimizer.update({ tensors, scale: 1 }, learningRate);
    const kept = keptSteps.indexOf(step + 1);
    if (kept < 0) return;
    for (const [name, { tensor, shape }] of parameters) {
      compare(tensor, stepOf(`output.${run}.${name}`, kept, shape), { byColumn: false });
    }
  });
  for (const name of parameterNames) {
    for (const role of ["first", "second"]) {
      const expected = floats(`output.${run}.${name}.${role}Moment`);
      compare(optimizer.state.get(`${role}.${name}`)!, expected, { byColumn: true });
    }
  }
  optimizer.dispose();
  for (const { tensor } of parameters.values()) tensor.dispose();
  return most;
}

const names: RunName[] = ["adamw", "roberta", "bert"];

for (const backend of ["cpu", "wasm", "native"] as const) {
  const missing = await backends[backend].unavailableReason();
  describe.skipIf(missing !== null)(`a hundred steps on ${backend}`, () => {
    beforeAll(async () => {
      await start({ backend });
    });
    it.each(names)("are PyTorch's with the settings of %s", (run) => {
      expect(largestDifference(run)).toBeLessThan(5e-6);
    });
  });
}

it.each<Partial<AdamWConfig>>([
  { biasCorrection: true },
  { beta1: 0.901 },
  { beta2: 0.998 },
  { epsilon: 1.1e-6 },
  { weightDecay: 0.011 },
])("another setting is seen: %o", async (changes) => {
  await start({ backend: "cpu" });
  expect(largestDifference("bert", changes)).toBeGreaterThan(4e-5);
});
