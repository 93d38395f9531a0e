/**
 * The counting engine beside the compiled one: every operation of the conformance suites is called on both, and its results
 * must have the same kinds and lengths, and the pools the same bytes in use and at their peaks. One case in eight;
 * MEGATRON_EXHAUSTIVE=1 runs all.
 */
import { withPrecision } from "@megatron-ts/ops";
import { conformanceSuites } from "@megatron-ts/ops/conformance";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../addon.ts";
import { NativeBackend } from "../backend.ts";
import { nativeUnavailableReason } from "../index.ts";
import type { Engine, NativeAddon } from "../native-addon.ts";
import { registerKernels } from "../register.ts";
import { countingAddon } from "./addon.ts";
import { countMemory } from "./count-memory.ts";
import { CountingEngine } from "./engine.ts";

const all = process.env.MEGATRON_EXHAUSTIVE === "1";
const missing = nativeUnavailableReason();

type Method = (...args: unknown[]) => unknown;

/** Recording moves handles in ways of its own; what is recorded runs as anything else. */
const RECORDING = new Set<string | symbol>(
  "startRecording refuseRecording abandonRecording finishRecording replay freeProgram".split(" "),
);

/** Methods that return the handles of new tensors. */
const MAKES = new Set<string | symbol>(
  (
    "allocate create fill storedAs unary binary compare predicate select cast gather scatterAdd oneHot linear " +
    "linearInputGradient linearWeightGradient sumRows matMul reduce argExtreme softmax topK cumulativeSum sumOfSquares " +
    "normalise normaliseGradient rotary embedding embeddingGradient dropout crossEntropy crossEntropyGradient attention " +
    "attentionGradient"
  ).split(" "),
);

/** Much faster than `expect`, for a hundred thousand calls. */
function check(name: string, counted: unknown, real: unknown): void {
  const [ours, theirs] = [JSON.stringify(counted), JSON.stringify(real)];
  if (ours !== theirs) throw new Error(`${name}: counted ${ours}, the addon has ${theirs}`);
}

/** Both engines at once. */
function twin(addon: NativeAddon): Engine {
  const [real, counting] = [new addon.Engine(1), new CountingEngine()];
  const call = (engine: Engine, name: keyof Engine, args: unknown[]) => (engine[name] as Method)(...args);
  return new Proxy(real, {
    get(_, property) {
      const name = property as keyof Engine;
      return (...args: unknown[]) => {
        if (RECORDING.has(name)) return call(counting, name, args);
        let result: unknown;
        try {
          result = call(real, name, args);
        } catch (error) {
          // It may have taken memory before it failed.
          for (const engine of [real, counting]) engine.trim();
          throw error;
        }
        if (name === "threads" || name === "adjustExternalMemory") return result;
        const counted = call(counting, name, args);
        if (name === "read") check(name, (counted as ArrayBuffer).byteLength, (result as ArrayBuffer).byteLength);
        else if (name !== "memory") check(name, counted, result);
        for (const handle of MAKES.has(name) ? ([result].flat() as number[]) : []) {
          check(name, [counting.kind(handle), counting.length(handle)], [real.kind(handle), real.length(handle)]);
        }
        const { inUse, peak } = real.memory();
        check(name, counting.memory(), { inUse, kept: 0, peak });
        return result;
      };
    },
  });
}

describe.skipIf(missing)("the counting engine", () => {
  const found = loadAddon();
  const addon = "addon" in found ? found.addon : countingAddon;

  beforeAll(async () => {
    // A proxy in place of an instance.
    const twins = {
      ...countingAddon,
      Engine: function Twin() {
        return twin(addon);
      } as unknown as NativeAddon["Engine"],
    };
    registerKernels(twins, "twin");
    tf.registerBackend("twin", () => new NativeBackend(twins, { threads: 1 }));
    await tf.setBackend("twin");
  });
  afterAll(() => tf.removeBackend("twin"));

  it("has the addon's kernels", () => {
    for (const name of Object.keys(countingAddon) as (keyof NativeAddon)[]) {
      if (name === "Engine" || name === "instructionSets" || name === "limitInstructionSets") continue;
      expect(countingAddon[name](), name).toEqual(addon[name]());
    }
  });

  describe.each(conformanceSuites.filter(({ name }) => name !== "capture"))("$name", ({ cases }) => {
    it.each(cases.filter((_, i) => all || i % 8 === 0))("$name", ({ check }) => {
      withPrecision("bf16", () => check({ precision: "bf16" }));
    });
  });
});

describe("countMemory", () => {
  it("takes no memory and puts the backend back", async () => {
    await tf.setBackend("cpu");
    const before = process.memoryUsage().rss;
    const [usage, size] = countMemory((counter) => {
      const x = tf.fill([1 << 20, 1 << 14], 0);
      const y = tf.tidy(() => tf.add(tf.mul(x, x), x));
      return [counter.usage(), counter.sizeOf(y)];
    });
    expect(tf.getBackend()).toBe("cpu");
    expect(usage).toEqual({ inUse: 2 ** 37, peak: 3 * 2 ** 36, peakAt: 3 });
    expect(size).toEqual({ bytes: 2 ** 36, madeAt: 3 });
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
  });
});
