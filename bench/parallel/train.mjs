/** One measurement in a process of its own, by its JSON argument: on rank threads, or on this thread alone. */
import { runRankThreads } from "@megatron-ts/parallel/threads";
import { copy, work } from "./work.mjs";

const options = JSON.parse(process.argv[2]);
const { parallel = {} } = options;
const ranks = Object.values(parallel).reduce((product, size) => product * size, 1);
const file = new URL("./rank.mjs", import.meta.url);
const result = options.copy
  ? copy(options)
  : ranks === 1
    ? await work(null, options)
    : (await runRankThreads({ file, ranks, data: options }))[0];
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
