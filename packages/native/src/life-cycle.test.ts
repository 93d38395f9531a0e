/** Hundreds of workers load the addon, compute on their own threads and end, and the process does not grow. */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { loadAddon } from "./addon.ts";
import { nativeUnavailableReason } from "./index.ts";

const WORKERS = 400;
const AT_ONCE = 8;
/** Every third one is terminated from outside, whatever it is doing. */
const TERMINATED = 3;

const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { Engine } = require(workerData);
  const engine = new Engine(2);
  const x = engine.fill(0, 100_000, 0.5);
  const total = engine.reduce(0, x, 1, 100_000, 1);
  parentPort.postMessage(new Float32Array(engine.read(total))[0]);
`;

describe.skipIf(nativeUnavailableReason())("worker threads", () => {
  it("start and end 400 times", async () => {
    // The main thread loads it first: an addon that only workers load may be unloaded while one still uses it.
    const found = loadAddon();
    if ("reason" in found) throw new Error(found.reason);
    const path = found.path;
    let started = 0;
    let highest = 0;
    const runOne = async (index: number) => {
      const worker = new Worker(program, { eval: true, workerData: path });
      const exited = new Promise<void>((resolve, reject) => {
        worker.once("exit", () => resolve());
        worker.once("error", reject);
      });
      if (index % TERMINATED === 0) {
        await new Promise((resolve) => worker.once("online", resolve));
        await worker.terminate();
      } else {
        expect(await new Promise((resolve) => worker.once("message", resolve))).toBe(50_000);
      }
      await exited;
    };
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (started < WORKERS) {
          await runOne(started++);
          if (started === WORKERS / 5) highest = process.memoryUsage().rss;
        }
      }),
    );
    const grown = process.memoryUsage().rss - highest;
    expect(grown).toBeLessThan(25 * 2 ** 20); // 80 kB a worker
  });
});
