/** Runs the parsers one after the other, in a thread for each group, and prints a line for each. Ends with 1 if any is at fault. */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { listParsers } from "./parsers/index.mjs";

/** Seconds without an answer to one input. */
const PATIENCE = 60;
const LARGEST_INPUT = 1 << 22;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "0" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [cases, seconds, seed] = [values.cases, values.seconds, values.seed].map(Number);
const parsers = listParsers();
const unknown = positionals.find((name) => !parsers.some((parser) => parser.name === name));
if (unknown !== undefined || [cases, seconds, seed].some((number) => !Number.isSafeInteger(number) || number < 0)) {
  console.error(`usage: pnpm fuzz [parser...] [--cases N] [--seconds N, for each parser] [--seed N]`);
  console.error(`parsers: ${parsers.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
console.log(`seed ${seed}`);
const wanted = parsers.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
for (const group of new Set(wanted.map((parser) => parser.group)))
  await fuzz(wanted.filter((parser) => parser.group === group));

/** Where a parser does not return or ends its thread, another thread goes on after it. */
async function fuzz(list) {
  for (let left = list; left.length > 0; ) left = left.slice(await fuzzInThread(left));
}

/** Resolves to the number of parsers that are done. */
function fuzzInThread(list) {
  const counter = new SharedArrayBuffer(8);
  const current = new SharedArrayBuffer(LARGEST_INPUT);
  const progress = new Int32Array(counter);
  let done = 0;
  let began = performance.now();
  const finish = (result) => {
    report({ ...list[done++], cases: progress[0], seconds: (performance.now() - began) / 1000, ...result });
    began = performance.now();
    Atomics.store(progress, 0, 0);
  };
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.resolve("./worker.mjs")), {
      workerData: { parsers: list, cases, seconds, seed, counter, current },
      resourceLimits: { maxOldGenerationSizeMb: 1500 },
    });
    let [seen, idle] = [-1, 0];
    let ended = false;
    const end = () => {
      ended = true;
      clearInterval(watch);
      resolve(done);
    };
    const stop = (fault) => {
      const input = Buffer.from(current).subarray(0, progress[1]).toString("base64");
      finish({ accepted: 0, deep: 0, faults: [{ fault, input }] });
      end();
    };
    const watch = setInterval(() => {
      idle = progress[0] === seen ? idle + 1 : 0;
      seen = progress[0];
      if (idle < PATIENCE) return;
      worker.terminate();
      stop(`does not return within ${PATIENCE} s`);
    }, 1000);
    worker.on("message", (result) => {
      finish(result);
      worker.postMessage("next");
      if (done === list.length) end();
    });
    worker.on("error", (error) => stop(`ends the thread: ${error.message}`));
    worker.on("exit", (code) => {
      if (!ended) stop(`ends the thread with exit code ${code}: its parsers may not load`);
    });
  });
}

function report({ name, cases, accepted, deep, seconds, faults }) {
  const shares = `${accepted} accepted, ${cases - deep} refused at first look`;
  console.log(`${name}: ${cases} cases, ${shares}, ${seconds.toFixed(1)} s, ${faults.length} faults`);
  faults.forEach(({ fault, input }, i) => {
    console.log(`  ${fault}\n    input: ${save(`${name}-${seed}-${i}`, input)}`);
  });
  if (faults.length > 0) process.exitCode = 1;
}

function save(name, input) {
  const directory = join(tmpdir(), "megatron-fuzz");
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, Buffer.from(input, "base64"));
  return path;
}
