/**
 * The conformance suite of communicators under each MPI library of this machine: `npm run test:mpi`, which needs at least one.
 * Without it only the detection of launchers is tested.
 */
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { communicatorCases } from "./conformance.ts";
import { ParallelError } from "./errors.ts";
import { connectMpi, detectLaunch } from "./mpi/index.ts";
import { buildRank } from "./testing/build-rank.ts";
import { findMpiLaunchers, mpirun } from "./testing/mpi-launchers.ts";

describe("detectLaunch", () => {
  it("reads the rank that a launcher gave this process", () => {
    expect(detectLaunch({})).toBeNull();
    expect(detectLaunch({ OMPI_COMM_WORLD_RANK: "3", PMIX_RANK: "3" })).toEqual({ rank: 3, library: "open-mpi" });
    expect(detectLaunch({ PMI_RANK: "0" })).toEqual({ rank: 0, library: "mpich" });
    expect(detectLaunch({ PMIX_RANK: "1", SLURM_STEP_NUM_TASKS: "2" })).toEqual({ rank: 1, library: null });
  });

  it("refuses tasks of srun that would each train alone", () => {
    expect(() => detectLaunch({ SLURM_STEP_NUM_TASKS: "2", SLURM_PROCID: "1" })).toThrow(ParallelError);
    expect(detectLaunch({ SLURM_STEP_NUM_TASKS: "1", SLURM_PROCID: "0" })).toBeNull();
  });
});

describe("connectMpi", () => {
  it("names what it looked for if there is no library", async () => {
    const environment = { MEGATRON_MPI_LIBRARY: "/nowhere/libmpi.so" };
    const connected = connectMpi({ rank: 0, library: null }, { environment });
    await expect(connected).rejects.toThrow(ParallelError);
    await expect(connected).rejects.toThrow("/nowhere/libmpi.so");
  });
});

describe.skipIf(process.env.MEGATRON_TEST_MPI !== "1")("under MPI", () => {
  const launchers = findMpiLaunchers();
  const built: Awaited<ReturnType<typeof buildRank>>[] = [];
  let conformance: string;
  let failing: string;

  beforeAll(async () => {
    const build = async (file: string) => {
      built.push(await buildRank(new URL(file, import.meta.url)));
      return fileURLToPath(built.at(-1)!.file);
    };
    conformance = await build("./testing/conformance.rank.ts");
    failing = await build("./testing/failing.rank.ts");
  });
  afterAll(() => {
    for (const { remove } of built) remove();
  });

  it("finds a launcher", () => {
    expect(launchers).not.toEqual([]);
  });

  describe.each(launchers)("$name", (launcher) => {
    it.each([
      [2, 2 ** 30],
      [3, 52],
      [4, 1000],
    ])("communicators conform on %d ranks, with at most %d bytes a call", (ranks, chunkBytes) => {
      const { status, stdout, stderr } = mpirun(launcher, { ranks, args: [conformance, String(chunkBytes)] });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toEqual({ ranks, cases: communicatorCases.map(({ name }) => name) });
    });

    it("a rank that works for longer than others wait for a sign of it is waited for", () => {
      expect(mpirun(launcher, { ranks: 3, args: [failing, "work"] })).toMatchObject({ status: 0, stderr: "" });
    });

    it.each(["hang", "die", "throw"] as const)("a rank that would %s ends all within ten seconds", (failure) => {
      const began = performance.now();
      const { status, stderr } = mpirun(launcher, { ranks: 3, args: [failing, failure] });
      expect(status).not.toBe(0);
      const said = { hang: "did not answer rank ", die: "exited with code 3; " };
      if (failure === "throw") expect(stderr).toMatch(/^rank 1 refuses/m);
      else expect(stderr).toMatch(new RegExp(`^rank 1 on ${hostname()} ${said[failure]}`, "m"));
      expect(performance.now() - began).toBeLessThan(10_000);
    });
  });
});
