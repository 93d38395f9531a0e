/** Kernels limited to a weaker instruction set: for the whole process, so in a file of its own. */
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { loadNative, nativeUnavailableReason } from "./index.ts";

const missing = nativeUnavailableReason() ?? (process.arch === "x64" ? null : "this is no x86-64 processor");
if (missing) console.warn(`instruction sets: tests skipped: ${missing}`);

describe.skipIf(missing)("instructionSet", () => {
  it("limits what kernels use, and may be raised again", async () => {
    const { instructionSets: all } = await loadNative({ threads: 1 });
    expect((await loadNative({ instructionSet: "avx2" })).instructionSets).toEqual(all.slice(0, 1));
    expect(tf.matMul(tf.ones([3, 5]), tf.ones([5, 2])).dataSync()).toEqual(new Float32Array(6).fill(5));
    expect((await loadNative({ instructionSet: "amx-bf16" })).instructionSets).toEqual(all);
    await expect(loadNative({ instructionSet: "sse9" })).rejects.toThrow(/"sse9".*avx2/);
  });
});
