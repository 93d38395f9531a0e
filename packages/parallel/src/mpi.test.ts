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
import type { MpiLibrary } from "./mpi/library.ts";
import { turnOffMemoryHooks } from "./mpi/memory-hooks.ts";
import { createMpiSigns } from "./mpi/signs.ts";
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

describe("turnOffMemoryHooks", () => {
  const hooks = (environment: NodeJS.ProcessEnv) => {
    turnOffMemoryHooks(environment);
    return environment.UCX_MEM_MMAP_HOOK_MODE;
  };

  it("leaves them to ranks of several hosts and to the user", () => {
    expect(hooks({ PMI_SIZE: "4", MPI_LOCALNRANKS: "4" })).toBe("none");
    expect(hooks({ OMPI_COMM_WORLD_SIZE: "2", OMPI_COMM_WORLD_LOCAL_SIZE: "2" })).toBe("none");
    expect(hooks({ PMI_SIZE: "4", MPI_LOCALNRANKS: "2" })).toBeUndefined();
    expect(hooks({ PMI_SIZE: "4" })).toBeUndefined();
    expect(hooks({ PMI_SIZE: "4", MPI_LOCALNRANKS: "4", UCX_MEM_MMAP_HOOK_MODE: "reloc" })).toBe("reloc");
  });
});

describe("createMpiSigns", () => {
  it("sends nothing after the message that it ends", () => {
    const messages = new Map<string, Float64Array[]>();
    const open = new Map<BigUint64Array, () => boolean>();
    const libraryOf = (rank: number) => ({
      isend(bytes: Uint8Array, { other }: { other: number }, request: BigUint64Array) {
        const key = `${rank} to ${other}`;
        messages.set(key, [...(messages.get(key) ?? []), new Float64Array(bytes.slice().buffer)]);
        open.set(request, () => true);
        return 0;
      },
      irecv(bytes: Uint8Array, { other }: { other: number }, request: BigUint64Array) {
        open.set(request, () => {
          const next = messages.get(`${other} to ${rank}`)?.shift();
          if (next) bytes.set(new Uint8Array(next.buffer));
          return next !== undefined;
        });
        return 0;
      },
      test(request: BigUint64Array, done: Int32Array) {
        done[0] = open.get(request)!() ? 1 : 0;
        return 0;
      },
    });
    const own = { at: 0, waits: false, gap: 1 };
    const [first, second] = [0, 1].map((rank) =>
      createMpiSigns(libraryOf(rank) as unknown as MpiLibrary, { rank, size: 2, now: () => 5 }),
    );
    second!.ask([0]);
    first!.answer(own);
    second!.answer(own);
    expect(second!.of(0)).toEqual({ at: 0, waits: false, gap: 1 });
    second!.ask([0]);
    first!.end(own);
    first!.answer(own);
    second!.answer(own);
    second!.end(own);
    first!.answer(own);
    second!.answer(own);
    expect([first, second].map((signs) => signs!.isOver())).toEqual([true, true]);
    expect([...messages.values()].flat()).toEqual([]);
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
