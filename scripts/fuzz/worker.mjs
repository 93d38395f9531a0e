/** Feeds inputs to parsers, in a thread that the main one watches: the current input is in shared memory. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { loadParser } from "./parsers/index.mjs";
import { judge } from "./verdict.mjs";

const MOST_FAULTS = 50;

const { parsers, cases, seconds, seed, counter, current } = workerData;
const [progress, bytes] = [new Int32Array(counter), new Uint8Array(current)];

/** Faults that differ only in what they quote are one. */
const kindOf = (fault) =>
  fault
    .replace(/\d+/g, "0")
    .replace(/"[^"]*"/g, '""')
    .slice(0, 120);

async function fuzz(listed) {
  const parser = await loadParser(listed);
  const faults = new Map();
  const seen = new Set();
  let [accepted, deep] = [0, 0];
  const property = fc.asyncProperty(parser.inputs, async (input) => {
    // Each input once: small files are soon the same.
    const known = seen.size;
    fc.pre(seen.add(crc32(input)).size > known);
    bytes.set(input.subarray(0, bytes.length));
    progress[1] = Math.min(input.length, bytes.length);
    const verdict = await judge(parser, input);
    Atomics.add(progress, 0, 1);
    if (verdict.accepted) accepted++;
    if (verdict.deep) deep++;
    if (!verdict.fault || faults.size >= MOST_FAULTS || faults.has(kindOf(verdict.fault))) return;
    faults.set(kindOf(verdict.fault), { fault: verdict.fault, input: Buffer.from(input).toString("base64") });
  });
  await fc.check(property, {
    numRuns: cases,
    maxSkipsPerRun: 1000,
    seed,
    ...(seconds && { interruptAfterTimeLimit: 1000 * seconds, markInterruptAsFailure: false }),
  });
  return { accepted, deep, faults: [...faults.values()] };
}

for (const listed of parsers) {
  parentPort.postMessage(await fuzz(listed));
  await once(parentPort, "message");
}
parentPort.close();
