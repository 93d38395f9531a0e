/**
 * Compares variants of the starter recipe after equal seconds, several seeds each, in bits per byte of the quickstart's
 * held-out text; lower is better. Rounds alternate between variants, so that a disturbance hits all alike.
 *
 *     node bench/recipe/sweep.mjs [fields optimizer shape] [--only "batch of 4" --only GELU] [--seconds 60 | --steps 500] [--seeds 3]
 *       [--size 4x128] [--jobs 1] [--threads 2] [--log FILE]
 *
 * Prints each run as it ends, and a table in the end. On a busy machine compare equal `--steps`, and weigh what steps take by hand.
 */
import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { countsOf, writeCorpus } from "./corpus.mjs";
import { baseline, groups, NO_END } from "./variants.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    steps: { type: "string" },
    only: { type: "string", multiple: true },
    size: { type: "string", default: "4x128" },
    seeds: { type: "string", default: "3" },
    jobs: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    corpora: { type: "string" },
    log: { type: "string" },
  },
});
function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
const names = positionals.length > 0 ? positionals : Object.keys(groups);
const unknown = names.filter((name) => !Object.hasOwn(groups, name));
if (unknown.length > 0) refuse(`unknown group ${unknown.join(", ")}: expected ${Object.keys(groups).join(", ")}`);
const all = names.flatMap((name) => groups[name]);
const { only } = values;
const missing = only?.filter((name) => !all.some((variant) => variant.name === name)) ?? [];
if (missing.length > 0) {
  refuse(`--only ${missing.join("; ")}: expected some of ${all.map(({ name }) => name).join("; ")}`);
}
if (values.seconds && values.steps) refuse("--seconds and --steps: expected one of them");
const length = values.steps ? { steps: Number(values.steps) } : { seconds: Number(values.seconds ?? 60) };
const [numLayers, hiddenSize] = values.size.split("x").map(Number);
if (!(numLayers >= 1 && hiddenSize >= 64 && hiddenSize % 64 === 0)) {
  refuse(`--size ${values.size}: expected layers x hidden size, a multiple of 64, such as 4x128`);
}
const size = { numLayers, hiddenSize, numHeads: hiddenSize / 64 };
const variants = [baseline, ...all.filter(({ name }) => !only || only.includes(name))];
const corpora = values.corpora ?? mkdtempSync(join(tmpdir(), "megatron-recipe-corpora-"));
const corpusOf = ({ vocabularySize = 4096 }) => join(corpora, String(vocabularySize));
try {
  for (const variant of variants) {
    await writeCorpus(corpusOf(variant), { vocabularySize: variant.vocabularySize ?? 4096 });
  }
  const queue = Array.from({ length: Number(values.seeds) }, (_, seed) => variants.map((v) => ({ ...v, seed }))).flat();
  const results = new Map(variants.map(({ name }) => [name, []]));
  const work = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) results.get(job.name).push(await train(job));
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  print(results);
} finally {
  if (!values.corpora) rmSync(corpora, { recursive: true, force: true });
}

async function train({ name, seed, set, cooldown, ...variant }) {
  const corpus = corpusOf(variant);
  const options = {
    corpus,
    set: { ...set, ...(cooldown && decay(cooldown)) },
    seed,
    size,
    ...length,
    evaluationBatches: 45,
  };
  const result = await output(process.execPath, [
    fileURLToPath(new URL("train.mjs", import.meta.url)),
    JSON.stringify(options),
  ]);
  const { tokens, bytes } = countsOf(corpus);
  const row = { name, seed, ...result, bitsPerByte: (result.loss / Math.LN2) * (tokens / bytes) };
  process.stderr.write(
    `${name}, seed ${seed}: ${row.bitsPerByte.toFixed(3)} after ${row.steps} steps, ${row.processorSeconds.toFixed(0)} s of processor time\n`,
  );
  if (values.log) appendFileSync(values.log, `${JSON.stringify(row)}\n`);
  return row;
}

/** A cooldown over a share of the run: of its steps, or of the steps that no run by the clock takes. */
const decay = (share) => ({ "train.schedule.decaySteps": Math.round(share * (length.steps ?? NO_END)) });

function output(command, args) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MEGATRON_THREADS: values.threads };
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(text.trim().split("\n").at(-1)));
      else reject(new Error(`${args.join(" ")} exited with code ${code}`));
    });
  });
}

function print(results) {
  const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const scores = (name) => results.get(name).map(({ bitsPerByte }) => bitsPerByte);
  const base = mean(scores(baseline.name));
  process.stdout.write("| variant | bits per byte | against the recipe | lowest to highest | steps |\n");
  process.stdout.write("| --- | --- | --- | --- | --- |\n");
  for (const [name, rows] of results) {
    const own = scores(name);
    const cells = [
      name,
      mean(own).toFixed(3),
      name === baseline.name ? "" : `${mean(own) < base ? "" : "+"}${(mean(own) - base).toFixed(3)}`,
      `${Math.min(...own).toFixed(3)} to ${Math.max(...own).toFixed(3)}`,
      Math.round(mean(rows.map(({ steps }) => steps))).toLocaleString("en"),
    ];
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
  }
}
