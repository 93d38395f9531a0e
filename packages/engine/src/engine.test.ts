import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Backend } from "./backend.ts";
import { backends } from "./backends.ts";
import { describeBackends } from "./describe-backends.ts";
import { EngineError } from "./errors.ts";
import { start } from "./start.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("start", () => {
  it("prints nothing, not even TensorFlow.js's greeting", async () => {
    const spies = [
      vi.spyOn(console, "warn"),
      vi.spyOn(console, "log"),
      vi.spyOn(process.stdout, "write"),
      vi.spyOn(process.stderr, "write"),
    ];
    await start({ backend: "cpu" });
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("starts the named backend; the option wins over the environment", async () => {
    vi.stubEnv("MEGATRON_BACKEND", "cpu");
    expect(await start()).toMatchObject({ backend: "cpu", threads: 1, skipped: [] });
    expect(tf.getBackend()).toBe("cpu");
    expect(await start({ backend: "wasm" })).toMatchObject({ backend: "wasm", instructionSets: ["simd128"] });
    expect(tf.getBackend()).toBe("wasm");
  });

  it("starts the fastest available, and lists the faster ones that it skipped", async () => {
    vi.stubEnv("MEGATRON_BACKEND", undefined);
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue("not built");
    const started = await start({ backend: "auto" });
    expect(started).toMatchObject({ backend: "wasm", skipped: ["native: not built"] });
  });

  it("refuses an unknown backend and names the known ones", async () => {
    await expect(start({ backend: "cuda" })).rejects.toThrow(/"cuda".*auto, native, tensorflow, wasm, cpu/);
    await expect(start({ backend: "toString" })).rejects.toThrow(EngineError);
  });

  it("refuses a backend that cannot run here, and says why", async () => {
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue("no binary for this platform");
    await expect(start({ backend: "native" })).rejects.toThrow(/native .*no binary for this platform/);
  });

  it.each([0, 1.5, -2, 100_000])("refuses %d threads", async (threads) => {
    await expect(start({ backend: "cpu", threads })).rejects.toThrow(new RegExp(`threads .* got ${threads}$`));
  });

  it("takes the number of threads from the environment unless it is an option", async () => {
    vi.stubEnv("MEGATRON_THREADS", "many");
    await expect(start({ backend: "cpu" })).rejects.toThrow(/MEGATRON_THREADS .* got NaN/);
    await expect(start({ backend: "cpu", threads: 1 })).resolves.toMatchObject({ threads: 1 });
    vi.stubEnv("MEGATRON_THREADS", "3");
    const native = vi.spyOn(backends.native, "start").mockResolvedValue({ threads: 3, instructionSets: [] });
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue(null);
    await start({ backend: "native" });
    expect(native).toHaveBeenCalledWith({ threads: 3 });
  });

  it("takes a limit of the instruction set from the environment, and refuses an unknown one", async () => {
    vi.stubEnv("MEGATRON_ISA", "sse9");
    await expect(start({ backend: "cpu" })).rejects.toThrow(/MEGATRON_ISA .*avx2, .* got "sse9"$/);
    vi.stubEnv("MEGATRON_ISA", "avx512");
    const native = vi.spyOn(backends.native, "start").mockResolvedValue({ threads: 3, instructionSets: [] });
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue(null);
    await start({ backend: "native" });
    expect(native).toHaveBeenCalledWith({ instructionSet: "avx512" });
  });

  it("keeps tensors when it changes the backend", async () => {
    await start({ backend: "cpu" });
    const x = tf.tensor1d([1, 2, 3]);
    await start({ backend: "wasm" });
    expect([...tf.add(x, 1).dataSync()]).toEqual([2, 3, 4]);
  });
});

describe("wasm", () => {
  it("throws when its memory is full, and overwrites nothing", async () => {
    await start({ backend: "wasm" });
    const first = tf.fill([4], 7);
    const backend = tf.backend() as unknown as { write(values: null, shape: number[], dtype: string): object };
    const gigabyte = () => backend.write(null, [2 ** 28], "float32");
    const held: object[] = [];
    expect(() => {
      for (let i = 0; i < 5; i++) held.push(gigabyte());
    }).toThrow(EngineError);
    expect(held.length).toBeGreaterThan(1);
    expect([...first.dataSync()]).toEqual([7, 7, 7, 7]);
    for (const dataId of held) tf.backend().disposeData(dataId);
    expect([...tf.fill([2], 3).dataSync()]).toEqual([3, 3]);
  });
});

describe("tensorflow", () => {
  it("names the missing packages and the directory that was searched", async () => {
    vi.stubEnv("MEGATRON_TENSORFLOW", "/nowhere");
    expect(await (backends.tensorflow as Backend).unavailableReason()).toMatch(
      /tfjs-node-gpu .*tfjs-node .*MEGATRON_TENSORFLOW=\/nowhere/,
    );
  });
});

describe("describeBackends", () => {
  it("measures each backend that runs, says why another does not, and restores the current one", async () => {
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue("not built");
    vi.spyOn(backends.tensorflow, "unavailableReason").mockResolvedValue("not installed");
    await start({ backend: "wasm" });
    const seen: string[] = [];
    const described = await describeBackends({ measure: true, onBackend: (name) => seen.push(name) });
    expect(described.map((row) => [row.name, row.unavailableReason, row.threads, row.default])).toEqual([
      ["native", "not built", null, false],
      ["tensorflow", "not installed", null, false],
      ["wasm", null, 1, true],
      ["cpu", null, 1, false],
    ]);
    expect(seen).toEqual(["native", "tensorflow", "wasm", "cpu"]);
    const [native, , wasm, cpu] = described;
    expect(native!.gemmGigaflops).toBeNull();
    expect(wasm!.gemmGigaflops! / cpu!.gemmGigaflops!).toBeGreaterThan(3);
    expect(cpu!.memoryGigabytesPerSecond).toBeGreaterThan(0.01);
    expect(tf.getBackend()).toBe("wasm");
    expect(tf.memory().numTensors).toBeLessThan(20);
  });

  it("calls a backend that fails to start unavailable", async () => {
    vi.spyOn(backends.native, "unavailableReason").mockResolvedValue(null);
    vi.spyOn(backends.native, "start").mockRejectedValue(new Error("illegal instruction"));
    vi.spyOn(backends.tensorflow, "unavailableReason").mockResolvedValue("not installed");
    const [native] = await describeBackends();
    expect(native).toMatchObject({
      name: "native",
      unavailableReason: "illegal instruction",
      threads: null,
      gemmGigaflops: null,
    });
  });
});
