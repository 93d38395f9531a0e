/** Memory, reference counts, storage and errors of the backend; the conformance suites check values. */
import { totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { adamW, embedding, linear, storageOf, sumOfSquares, withPrecision } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadAddon } from "./addon.ts";
import type { NativeBackend } from "./backend.ts";
import {
  fallbackCounts,
  loadNative,
  nativeUnavailableReason,
  resetFallbackCounts,
  startProfile,
  stopProfile,
} from "./index.ts";
import { createBlock, lossAndGradients, numbers, tensor } from "./testing/block.ts";

const missing = nativeUnavailableReason();
if (missing) console.warn(`native: tests skipped: ${missing}`);

const backend = () => tf.backend() as NativeBackend;

describe.skipIf(missing)("the native backend", () => {
  beforeAll(async () => {
    await loadNative({ threads: 2 });
  });
  beforeEach(() => resetFallbackCounts());

  it("reports threads and instruction sets", async () => {
    const { threads, instructionSets } = await loadNative();
    expect(threads).toBe(2);
    expect(instructionSets).toBeInstanceOf(Array);
    expect(tf.getBackend()).toBe("native");
  });

  it("frees and reuses disposed memory", () => {
    const before = backend().engine.memory().inUse;
    const ids = backend().numDataIds();
    for (let i = 0; i < 100; i++) {
      tf.tidy(() => {
        tf.add(tensor([1000]), tensor([1000]));
      });
    }
    expect(backend().engine.memory().inUse).toBe(before);
    expect(backend().numDataIds()).toBe(ids);
    expect(tf.memory().unreliable).toBe(false);
  });

  it("shares memory between clones and reshapes until the last is gone", () => {
    const x = tensor([4, 6]);
    const clone = x.clone();
    const flat = tf.reshape(clone, [24]);
    expect(backend().refCount(x.dataId)).toBe(3);
    x.dispose();
    clone.dispose();
    expect(flat.dataSync()).toEqual(numbers(24));
    flat.dispose();
  });

  it("frees tensors that are never disposed when they are collected", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const before = backend().engine.memory().inUse;
    const forget = () => {
      for (let i = 0; i < 50; i++) backend().write(numbers(10_000), [10_000], "float32");
    };
    forget();
    expect(backend().engine.memory().inUse).toBeGreaterThan(before + 50 * 40_000 - 1);
    for (let i = 0; i < 50 && backend().engine.memory().inUse > before; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(backend().engine.memory().inUse).toBe(before);
  });

  it("moves tensors from another backend and back", async () => {
    await tf.setBackend("cpu");
    const x = tf.tensor1d([1, 2, 3]);
    await tf.setBackend("native");
    const y = tf.square(x);
    expect([...y.dataSync()]).toEqual([1, 4, 9]);
    await tf.setBackend("cpu");
    expect([...tf.add(x, y).dataSync()]).toEqual([2, 6, 12]);
    await tf.setBackend("native");
    tf.dispose([x, y]);
  });

  it("counts kernels that fall back to the cpu backend, also for strings and complex numbers", () => {
    tf.tidy(() => {
      expect([...tf.cosh(tf.tensor1d([0])).dataSync()]).toEqual([1]);
      const words = tf.concat([tf.tensor1d(["a", "b"]), tf.tensor1d(["c"])]);
      expect(words.dataSync()).toEqual(["a", "b", "c"]);
      const spectrum = tf.spectral.rfft(tf.tensor1d([1, 0, 0, 0]));
      expect([...tf.real(spectrum).dataSync()]).toEqual([1, 1, 1]);
    });
    expect(fallbackCounts()).toMatchObject({ Cosh: 1, Concat: 1 });
  });

  it("runs a training step without falling back", () => {
    const block = createBlock();
    const parameters = Object.values(block.parameters);
    const zeros = () => parameters.map((parameter) => tf.zeros(parameter.shape));
    const state = { firstMoments: zeros(), secondMoments: zeros() };
    const options = {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecays: parameters.map(() => 0.1),
    };
    const losses = [1, 2, 3].map((step) => {
      const { loss, gradients } = lossAndGradients(block);
      const tensors = gradients.map((values, i) => tf.tensor(values, parameters[i]!.shape));
      const norm = sumOfSquares(tensors);
      expect(norm.dataSync()[0]).toBeGreaterThan(0);
      adamW({ parameters, gradients: tensors, ...state }, { ...options, step });
      tf.dispose([norm, tensors]);
      return loss;
    });
    expect(losses[2]).toBeLessThan(losses[0]!);
    expect(fallbackCounts()).toEqual({});
    tf.dispose([parameters, state.firstMoments, state.secondMoments, block.ids, block.labels] as tf.TensorContainer);
  });

  it("gives bit-identical results at any number of threads", async () => {
    const results = [];
    for (const threads of [1, 2, 3]) {
      await loadNative({ threads });
      const { loss, gradients } = lossAndGradients(createBlock());
      const long = tf.sum(tensor([200_003])).dataSync()[0];
      const product = tf.matMul(tensor([130, 700]), tensor([700, 90], 2)).dataSync();
      results.push({ loss, gradients, long, product });
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    await loadNative({ threads: 2 });
  });

  it("stores the results of products as bf16 in that precision only", () => {
    tf.tidy(() => {
      const [x, weight] = [tensor([8, 16]), tensor([4, 16], 2)];
      const wide = linear(x, { weight });
      const narrow = withPrecision("bf16", () => linear(x, { weight }));
      expect([storageOf(wide), storageOf(narrow), storageOf(tf.add(wide, narrow))]).toEqual(["f32", "bf16", "f32"]);
      expect(storageOf(tf.reshape(narrow, [32]))).toBe("bf16");
      const difference = tf.max(tf.abs(tf.sub(wide, narrow))).dataSync()[0]!;
      expect(difference).toBeGreaterThan(0);
      expect(difference).toBeLessThan(0.05);
    });
  });

  it("turns panics and mistakes into errors, and keeps running", () => {
    expect(() => backend().engine.reduce(0, 0xffff, 1, 1, 1)).toThrow(/65535/);
    const x = tf.tensor1d([1, 2, 3]);
    expect(() => backend().engine.softmax(backend().handleOf(x), 2, false)).toThrow(/rows of 2/);
    expect(() => embedding(tf.tensor1d([3], "int32"), { table: tensor([3, 2]) })).toThrow(/id 3 .* of 3/);
    expect([...tf.neg(x).dataSync()]).toEqual([-1, -2, -3]);
  });

  it("takes lengths of 64 bits, and throws for lengths that no memory holds", () => {
    const { engine, kinds } = backend();
    if (totalmem() > 2 ** 33) {
      const long = engine.allocate(kinds.u8!, 2 ** 32 + 5);
      expect(engine.length(long)).toBe(2 ** 32 + 5);
      engine.free(long);
    }
    for (const length of [2 ** 47, 2 ** 53, 2 ** 60, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => engine.fill(kinds.f32!, length, 0), String(length)).toThrow(Error);
      expect(() => engine.allocate(kinds.u8!, length), String(length)).toThrow(Error);
    }
    expect(() => tf.fill([2 ** 30, 2 ** 30], 1)).toThrow(Error);
    expect(() => tf.fill([2 ** 20, 2 ** 20, 2 ** 20, 2 ** 20], 1)).toThrow(Error);
    expect([...tf.fill([2], 1).dataSync()]).toEqual([1, 1]);
  });

  it("throws for a number of threads that makes no sense", () => {
    const found = loadAddon();
    if ("reason" in found) return;
    for (const threads of [-1, 1.5, 1e6, 2 ** 32 + 1, Number.NaN]) {
      expect(() => new found.addon.Engine(threads), String(threads)).toThrow(Error);
    }
  });

  it("throws for arguments that tfjs's ops let through", () => {
    const x = tensor([2, 3]);
    const ids: tf.Tensor = tf.tensor2d([[0], [1], [0]], undefined, "int32");
    expect(() => tf.tile(x, [-1, 1])).toThrow(/-1/);
    expect(() => tf.transpose(x, [0, 0])).toThrow(/0,0/);
    expect(() => tf.gather(x, ids as tf.Tensor1D, 1, 1)).toThrow(/shape\[0\]/);
    expect(() => tf.slice(x, [-2, 0], [1, 1])).toThrow(/-2/);
    expect(() =>
      tf.pad(x, [
        [-1, 0],
        [0, 0],
      ]),
    ).toThrow(/-1/);
    expect(() => tf.sum(x, [1, 1])).toThrow(/1,1/);
    tf.dispose([x, ids]);
  });

  it("records kernel calls while profiling", () => {
    startProfile();
    tf.tidy(() => linear(tensor([8, 16]), { weight: tensor([4, 16]) }));
    const events = stopProfile();
    tf.tidy(() => tf.neg(tensor([3])));
    expect(events.map(({ name }) => name)).toEqual(["MegatronLinear"]);
    expect(events[0]).toMatchObject({ flops: 2 * 8 * 16 * 4, bytes: 4 * (8 * 16 + 4 * 16 + 8 * 4) });
    expect(events[0]!.duration).toBeGreaterThan(0);
    expect(stopProfile()).toEqual([]);
  });
});
