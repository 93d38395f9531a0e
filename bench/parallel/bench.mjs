/**
 * Ranks on the threads of this machine, one thread each, against the same work without ranks; all-reduces against a plain copy and, where
 * mpicc is installed, against MPI_Allreduce in C; the memory of ZeRO-1 against its formula; and what a save in the background takes of training.
 *
 *     node bench/run.mjs parallel [--rows data,tensor,pipeline,allreduce,memory,save] [--quick]
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, median, runScript } from "../peers.mjs";

const gpt28 = { numLayers: 6, hiddenSize: 512, numHeads: 8, vocabularySize: 16_384, maxPositions: 512 };
const gpt124 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };
const MEBIBYTES = 64;

const script = (name) => new URL(name, import.meta.url);
/** Tokens per second of the median step of some runs. */
const speedOf = (runs) => runs[0].tokens / median(runs.flatMap(({ seconds }) => seconds));

const train = (options) => runScript(process.execPath, script("train.mjs"), options);

/** The same run in two processes at once. */
async function trainTwice(options) {
  const runs = [0, 1].map(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [fileURLToPath(script("train.mjs")), JSON.stringify(options)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        let output = "";
        child.stdout.on("data", (chunk) => {
          output += chunk;
        });
        child.on("close", (code) =>
          code === 0 ? resolve(JSON.parse(output.trim().split("\n").at(-1))) : reject(new Error(`train.mjs: ${code}`)),
        );
      }),
  );
  return Promise.all(runs);
}

async function dataParallel({ quick, rounds }) {
  const one = { model: quick ? { ...gpt28, numLayers: 1 } : gpt28, sequenceLength: 512, batchSize: quick ? 1 : 8 };
  const common = { ...one, microBatchSize: quick ? 1 : 4, steps: quick ? 2 : 3, threads: 1 };
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(train({ ...common, batchSize: 2 * one.batchSize, parallel: { data: 2 } }));
    theirs.push(...(await trainTwice(common)));
  }
  const [our, their] = [speedOf(ours), 2 * speedOf(theirs)];
  return {
    what: `two data-parallel ranks of one thread, GPT ${quick ? "of one layer" : "28M"}, ${512 * one.batchSize} tokens each`,
    peer: "two runs side by side",
    ...{ ours: our, theirs: their, unit: "tokens/s", ratio: our / their, atLeast: 0.92 },
  };
}

/** Two ranks of one thread against one of two. */
function againstTwoThreads({ rounds }, { what, options, parallel, share = 1, atLeast }) {
  const { ours, theirs } = alternate(rounds, {
    ours: () => train({ ...options, threads: 1, parallel }),
    theirs: () => train({ ...options, threads: 2 }),
  });
  const [our, their] = [speedOf(ours), share * speedOf(theirs)];
  const peer = `one rank of two threads${share === 1 ? "" : ", less the bubble"}`;
  return { what, peer, ours: our, theirs: their, unit: "tokens/s", ratio: our / their, atLeast };
}

const gptOf = (quick) =>
  quick
    ? { model: { ...gpt124, numLayers: 2, hiddenSize: 96 }, name: "a narrow GPT" }
    : { model: gpt124, name: "GPT 124M" };

function tensorParallel({ quick, rounds }) {
  const { model, name } = gptOf(quick);
  return againstTwoThreads(
    { rounds },
    {
      what: `two tensor-parallel ranks of one thread, ${name}`,
      options: { model, sequenceLength: 512, batchSize: 2, microBatchSize: 2, steps: quick ? 1 : 3 },
      parallel: { tensor: 2 },
      atLeast: 0.85,
    },
  );
}

function pipelineParallel({ quick, rounds }) {
  const { model, name } = gptOf(quick);
  const [stages, microBatches] = [2, 8];
  return againstTwoThreads(
    { rounds },
    {
      what: `two pipeline stages of one thread by FLOPs, ${name}, ${microBatches} micro-batches`,
      options: { model, sequenceLength: 512, batchSize: microBatches, microBatchSize: 1, steps: quick ? 1 : 2 },
      parallel: { pipeline: stages },
      share: microBatches / (microBatches + stages - 1),
      atLeast: 0.85,
    },
  );
}

/** Seconds of an all-reduce as bytes per second of its tensor. */
const pace = (seconds) => (MEBIBYTES * 2 ** 20) / median(seconds) / 1e9;

function allReduceOnThreads({ rounds }) {
  const results = alternate(rounds, {
    ours: () => train({ allReduce: MEBIBYTES, threads: 1, parallel: { data: 2 } }),
    theirs: () => train({ copy: MEBIBYTES }),
  });
  const [our, their] = ["ours", "theirs"].map((side) => pace(results[side].flatMap(({ seconds }) => seconds)));
  const figures = { ours: our, theirs: their, unit: "GB/s", ratio: our / their, atLeast: 0.5 };
  return { what: `all-reduce of ${MEBIBYTES} MiB on two threads`, peer: "a plain copy", ...figures };
}

const mpi = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  PRTE_MCA_rmaps_default_mapping_policy: ":oversubscribe",
};

function underMpi(command) {
  const { status, stdout, stderr } = spawnSync("mpirun", ["-n", "2", ...command], {
    encoding: "utf8",
    env: { ...process.env, ...mpi },
  });
  if (status !== 0) throw new Error(`mpirun ${command.join(" ")} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

function allReduceOnMpi({ rounds }) {
  const what = `all-reduce of ${MEBIBYTES} MiB on two MPI ranks`;
  if (spawnSync("mpirun", ["--version"]).status !== 0)
    return { what, peer: "MPI_Allreduce in C: skipped, no mpirun", unit: "GB/s" };
  const directory = mkdtempSync(join(tmpdir(), "megatron-bench-mpi-"));
  try {
    const program = join(directory, "allreduce");
    const built = spawnSync("mpicc", ["-O2", fileURLToPath(script("allreduce.c")), "-o", program]).status === 0;
    const options = JSON.stringify({ allReduce: MEBIBYTES });
    const { ours, theirs } = alternate(rounds, {
      ours: () => underMpi([process.execPath, fileURLToPath(script("rank.mjs")), options]),
      theirs: built ? () => underMpi([program, String(MEBIBYTES)]) : null,
    });
    const our = pace(ours.flatMap(({ seconds }) => seconds));
    const their = built ? pace(theirs.flatMap(({ seconds }) => seconds)) : undefined;
    const peer = built ? "MPI_Allreduce in C" : "MPI_Allreduce in C: skipped, no mpicc";
    return { what, peer, ours: our, theirs: their, unit: "GB/s", ratio: their && our / their, atLeast: 0.9 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function memory({ quick }) {
  const model = quick ? { ...gpt124, numLayers: 1, hiddenSize: 96 } : gpt124;
  const ranks = 4;
  const options = { model, sequenceLength: 16, batchSize: ranks, microBatchSize: 1, steps: 1, threads: 1 };
  const { bytes, parameters } = train({ ...options, parallel: { data: ranks }, distributedOptimizer: true });
  // Weights, gradients, and two moments of a share.
  const formula = (4 + 4 + 8 / ranks) * parameters;
  const [our, their] = [bytes, formula].map((value) => value / 2 ** 20);
  const ratio = Math.max(our / their, their / our);
  const what = `tensors of a rank, ${quick ? "a narrow GPT" : "GPT 124M"}, ZeRO-1 on ${ranks} ranks`;
  return { what, peer: "the formula", ours: our, theirs: their, unit: "MiB", ratio, atMost: 1.1 };
}

function backgroundSave({ quick, rounds }) {
  const model = quick ? { ...gpt124, numLayers: 1, hiddenSize: 96 } : gpt124;
  const options = {
    model,
    sequenceLength: 256,
    batchSize: 1,
    microBatchSize: 1,
    steps: quick ? 3 : 5,
    threads: 2,
    save: true,
  };
  const results = Array.from({ length: rounds }, () => train(options));
  const [our, their] = ["lost", "save"].map((name) => median(results.map((result) => result[name])));
  const what = `training time that a background save takes, ${quick ? "a narrow GPT" : "GPT 124M with moments"}`;
  return { what, peer: "the save itself", ours: our, theirs: their, unit: "s", ratio: our / their, atMost: 0.05 };
}

/** Twelve minutes in all on two cores. */
const measured =
  (row) =>
  ({ quick = false }) =>
    row({ quick, rounds: quick ? 1 : 2 });

export const rows = {
  data: measured(dataParallel),
  tensor: measured(tensorParallel),
  pipeline: measured(pipelineParallel),
  allreduce: measured((options) => [allReduceOnThreads(options), allReduceOnMpi(options)]),
  memory: measured(memory),
  save: measured(backgroundSave),
};
