/**
 * The conformance suite of communicators, on a single rank and on threads; `npm run test:mpi` runs it under MPI libraries. And
 * what happens when a rank dies or hangs.
 */
import { hostname } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkCommunicators, communicatorCases } from "./conformance.ts";
import { buildRank } from "./testing/build-rank.ts";
import type { Failure } from "./testing/failing.rank.ts";
import { runRankThreads } from "./threads/index.ts";

let conformance: Awaited<ReturnType<typeof buildRank>>;
let failing: typeof conformance;

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  conformance = await buildRank(new URL("./testing/conformance.rank.ts", import.meta.url));
  failing = await buildRank(new URL("./testing/failing.rank.ts", import.meta.url));
});
afterAll(() => {
  conformance.remove();
  failing.remove();
});

const names = communicatorCases.map(({ name }) => name);

describe("communicators", () => {
  it("conform on a single rank", () => {
    expect(checkCommunicators(null)).toEqual(names);
  });

  it.each([
    [2, undefined],
    [4, 1000],
  ])("conform on %d threads, with chunks of %s bytes", async (ranks, chunkBytes) => {
    const results = await runRankThreads({ file: conformance.file, ranks, data: null, chunkBytes });
    expect(results).toEqual(Array(ranks).fill(names));
  });
});

describe("a rank thread", () => {
  const run = (failure: Failure, timeoutSeconds: number) =>
    runRankThreads({ file: failing.file, ranks: 3, data: failure, timeoutSeconds });
  const named = new RegExp(`^rank 1 on ${hostname()} `);

  it("that hangs ends all, with one message that names it and its host", async () => {
    const began = performance.now();
    await expect(run("hang", 0.5)).rejects.toMatchObject({ name: "RankError", message: expect.stringMatching(named) });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("that dies ends all, with one message that names it and its host", async () => {
    await expect(run("die", 100)).rejects.toMatchObject({ name: "RankError", message: expect.stringMatching(named) });
  });

  it("that works for longer than others wait for a sign of it is waited for", async () => {
    await run("work", 1.5);
  });

  it("that throws ends all with its error", async () => {
    await expect(run("throw", 100)).rejects.toMatchObject({ message: "rank 1 refuses", userError: true });
  });
});
