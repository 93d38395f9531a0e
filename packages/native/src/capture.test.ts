/** Recorded runs on the engine: what is replayed, what is refused, and that nothing is left behind either way. */
import { adamW, captured, dropout, embedding, linear, store, withPrecision } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { NativeBackend } from "./backend.ts";
import { loadNative, nativeUnavailableReason, startProfile, stopProfile } from "./index.ts";
import { numbers } from "./testing/block.ts";

const missing = nativeUnavailableReason();
const backend = () => tf.backend() as NativeBackend;
const engine = () => backend().engine;

const weight = () => tf.tensor2d(numbers(12 * 8), [12, 8]);
const row = (run: number) => Float32Array.from({ length: 8 }, (_, i) => Math.sin(run + i));
const inputs = [{ shape: [1, 8], dtype: "float32" as const }];

/** A layer of a few kernels, some of which share memory and free what they made. */
const layer = (w: tf.Tensor) => (x: tf.Tensor) => {
  const wide = linear(x, { weight: w, activation: "gelu-tanh" });
  return [tf.softmax(tf.reshape(tf.add(wide, 1), [3, 4])), tf.sum(wide)];
};

const valuesOf = (tensors: tf.Tensor[]) => {
  const values = tensors.map((tensor) => [...tensor.dataSync()]);
  tf.dispose(tensors);
  return values;
};

/** What a layer with this weight gives in a run, without recording. */
const plainly = (w: tf.Tensor, run: number) => valuesOf(tf.tidy(() => layer(w)(tf.tensor2d(row(run), [1, 8]))));

describe.skipIf(missing)("a captured function", () => {
  beforeAll(async () => {
    await loadNative({ threads: 2 });
  });
  afterEach(() => void vi.restoreAllMocks());

  const usage = () => ({
    inUse: engine().memory().inUse,
    dataIds: backend().numDataIds(),
    tensors: tf.memory().numTensors,
  });

  it("is replayed from its second run on, and keeps memory flat over thousands", () => {
    const before = usage();
    const w = weight();
    const step = captured((x) => layer(w)(x!), { inputs });
    const replay = vi.spyOn(engine(), "replay");
    for (let run = 0; run < 5; run++) expect(valuesOf(step.run(row(run)))).toEqual(plainly(w, run));
    expect(replay).toHaveBeenCalledTimes(4);
    expect(step.refusal).toBeNull();
    const warm = usage();
    for (let run = 0; run < 3000; run++) tf.dispose(step.run(row(run)));
    expect(usage()).toEqual(warm);
    step.dispose();
    w.dispose();
    expect(usage()).toEqual(before);
  });

  it("gives results that outlive later runs and the program", () => {
    const w = weight();
    const step = captured((x) => layer(w)(x!), { inputs });
    const kept = [0, 1, 2].map((run) => step.run(row(run)));
    step.dispose();
    const expected = [0, 1, 2].map((run) => plainly(w, run));
    expect(kept.map(valuesOf)).toEqual(expected);
    w.dispose();
  });

  it("shares no handle with other tensors and functions", () => {
    const weights = [0, 1, 2].map(() => weight());
    const steps = weights.map((w) => captured((x) => layer(w)(x!), { inputs }));
    const others: tf.Tensor[] = [];
    for (let run = 0; run < 6; run++) {
      for (const [i, step] of steps.entries()) {
        others.push(tf.fill([5], run));
        expect(valuesOf(step.run(row(run + i)))).toEqual(plainly(weights[i]!, run + i));
      }
      if (run === 3) steps[1]!.dispose();
    }
    expect(others.map((other) => other.dataSync()[4])).toEqual(others.map((_, i) => Math.floor(i / 3)));
    tf.dispose([...others, ...weights]);
    for (const step of steps) step.dispose();
  });

  it("sees weights that an optimizer updates, that are swapped, stored otherwise or multiplied in another precision", () => {
    let w = weight();
    const step = captured((x) => layer(w)(x!), { inputs, parameters: () => [w] });
    const check = (run: number) => expect(valuesOf(step.run(row(run)))).toEqual(plainly(w, run));
    [0, 1].forEach(check);
    const moments = [tf.zeros([12, 8]), tf.zeros([12, 8])];
    const [gradients, firstMoments, secondMoments] = [[tf.ones([12, 8])], [moments[0]!], [moments[1]!]];
    const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecays: [0], step: 1 } as const;
    adamW(
      { parameters: [w], gradients, firstMoments, secondMoments },
      { ...rates, biasCorrection: true, gradientScale: 1 },
    );
    const replay = vi.spyOn(engine(), "replay");
    check(2);
    expect(replay.mock.results[0]!.value).not.toBeNull();
    const first = w;
    w = tf.tidy(() => tf.mul(weight(), 2));
    [3, 4].forEach(check);
    store(w, "bf16");
    [5, 6].forEach(check);
    withPrecision("bf16", () => [7, 8].forEach(check));
    [9, 10].forEach(check);
    step.dispose();
    tf.dispose([w, first, ...moments, ...gradients]);
  });

  it.each<[string, (x: tf.Tensor) => tf.Tensor[], RegExp]>([
    ["reads a tensor", (x) => [tf.mul(x, x.dataSync()[0]!)], /reads/],
    ["makes a tensor of numbers", (x) => [tf.add(x, tf.tensor1d(row(0)))], /8 float32 numbers/],
    ["makes an integer", (x) => [tf.add(x, tf.cast(tf.scalar(1, "int32"), "float32"))], /1 int32 numbers/],
    ["leaves a tensor behind", (x) => [tf.neg(tf.keep(tf.neg(x)))], /leaves 1 tensors behind/],
    ["returns its input", (x) => [tf.reshape(x, [8])], /did not create/],
    ["draws", (x) => [dropout(x, { rate: 0.5, key: [1, 2] })], /key of a step/],
    ["uses a kernel that is not native", (x) => [tf.atan2(x, tf.neg(x))], /reads/],
  ])("is run plainly where it %s", (_, f, reason) => {
    const step = captured((x) => f(x!), { inputs });
    const replay = vi.spyOn(engine(), "replay");
    for (let run = 0; run < 5; run++) {
      const x = tf.tensor2d(row(run), [1, 8]);
      expect(valuesOf(step.run(row(run)))).toEqual(valuesOf(tf.tidy(() => f(x).map((y) => y.clone()))));
      expect(step.refusal).toMatch(reason);
      x.dispose();
    }
    expect(replay).not.toHaveBeenCalled();
    step.dispose();
  });

  it("is run plainly while kernels are profiled", () => {
    const w = weight();
    const step = captured((x) => layer(w)(x!), { inputs });
    for (let run = 0; run < 2; run++) tf.dispose(step.run(row(run)));
    startProfile();
    tf.dispose(step.run(row(2)));
    expect(stopProfile().map(({ name }) => name)).toContain("MegatronLinear");
    expect(valuesOf(step.run(row(3)))).toEqual(plainly(w, 3));
    step.dispose();
    w.dispose();
  });

  it("throws what it throws, while recorded and while replayed, and runs again afterwards", () => {
    const table = weight();
    const before = usage();
    let broken = true;
    const step = captured(
      (ids) => {
        const rows = tf.neg(embedding(ids!, { table }));
        if (broken) throw new Error("broken");
        return [rows];
      },
      { inputs: [{ shape: [1] }] },
    );
    expect(() => step.run(Int32Array.of(1))).toThrow("broken");
    broken = false;
    for (const id of [2, 3]) tf.dispose(step.run(Int32Array.of(id)));
    const { inUse } = engine().memory();
    expect(() => step.run(Int32Array.of(12))).toThrow(/token id 12/);
    expect(engine().memory().inUse).toBe(inUse);
    expect(valuesOf(step.run(Int32Array.of(4)))).toEqual([[...numbers(12 * 8).slice(32, 40)].map((x) => -x)]);
    step.dispose();
    expect(usage()).toEqual(before);
    table.dispose();
  });
});
