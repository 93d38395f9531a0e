/**
 * `npm start`: installs, builds and runs the quickstart, printing each command: trains a tokenizer, prepares a dataset,
 * trains a small GPT, compares its score on held-out text with a compressor's and generates a passage. Finished steps are
 * skipped, so that rerunning `npm start` resumes an interrupted quickstart.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeQuickstartText } from "./quickstart-text.mjs";
import { install, root, runNode, turbo } from "./workspace.mjs";

const HOME = "runs/quickstart";
const PROGRAM = "apps/cli/bin/megatron.js";

const exists = (path) => existsSync(join(root, path));
const readJson = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));

/** Writes a temporary file and renames it, so that the file is never incomplete. */
function writeJson(path, value) {
  writeFileSync(join(root, `${path}.new`), `${JSON.stringify(value, null, 2)}\n`);
  renameSync(join(root, `${path}.new`), join(root, path));
}

const quoted = (args) => args.map((arg) => (/^[\w./,:=-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(" ");
const commandLine = (args) => `node ${PROGRAM} ${quoted(args)}`;

/** Exits if Ctrl+C ended the command that ran. */
function endIfInterrupted() {
  if (!interrupted) return;
  console.log("\nStopped. Rerun npm start to resume.");
  process.exit(130);
}

/** Prints and runs a command of the CLI. Exits if it fails. */
async function megatron(args, options) {
  console.log(`\n$ ${commandLine(args)}`);
  const { code, stdout } = await runNode([PROGRAM, ...args], options);
  if (code !== 0) {
    endIfInterrupted();
    console.log(`\nThe command failed. Fix the error above and rerun npm start; to start over, delete ${HOME}.`);
    process.exit(code);
  }
  return stdout;
}

const megatronJson = async (args) => JSON.parse(await megatron([...args, "--json"], { capture: true }));

async function prepareData() {
  if (!exists(`${HOME}/text/.done`)) {
    writeQuickstartText(join(root, HOME, "text"));
    writeFileSync(join(root, HOME, "text/.done"), "");
  }
  const text = (name) => `${HOME}/text/${name}`;
  const inputs = ["--input", text("speeches.jsonl"), text("moby-dick.txt")];
  if (!exists(`${HOME}/tokenizer/tokenizer.json`)) {
    await megatron(["tokenizer", "train", ...inputs, "--vocab-size", "4096", "--output", `${HOME}/tokenizer`]);
  }
  const parts = [
    ["speeches", "speeches.jsonl", "99,1"],
    ["moby-dick", "moby-dick.txt", "1"],
    ["held-out", "held-out.jsonl", "0,0,1"],
  ];
  for (const [name, input, split] of parts) {
    if (exists(`${HOME}/data/${name}_text_document.json`)) continue;
    const output = ["--output", `${HOME}/data/${name}`, "--split", split];
    await megatron(["prepare", "--input", text(input), "--tokenizer", `${HOME}/tokenizer`, ...output]);
  }
}

/** Measures brotli, after training so as not to slow it down. Returns null if interrupted. */
async function compress() {
  const path = `${HOME}/compression.json`;
  if (exists(path)) return readJson(path);
  console.log("\nCompressing the same text with brotli for comparison. This takes about a minute.");
  const { code, stdout } = await runNode(["scripts/quickstart-compression.mjs"], { capture: true });
  if (code !== 0) return null;
  writeJson(path, JSON.parse(stdout));
  return readJson(path);
}

async function trainAndScore() {
  await prepareData();
  const run = await megatronJson(["pretrain", "recipes/quickstart.yaml", "--resume", "auto"]);
  if (run.reason === "stopped") {
    console.log(`\nStopped after step ${run.step} and saved a checkpoint. Rerun npm start to resume.`);
    process.exit(0);
  }
  const heldOut = ["--data", `${HOME}/data/held-out`, "--split", "test", "--stride", "128"];
  const score = await megatronJson(["evaluate", `${HOME}/run`, ...heldOut]);
  const compression = await compress();
  if (!compression) {
    endIfInterrupted();
    process.exit(1);
  }
  writeJson(`${HOME}/result.json`, { step: run.step, score, compression });
}

function printScore() {
  const { step, score, compression } = readJson(`${HOME}/result.json`);
  const row = (name, bits, note = "") => console.log(`  ${name.padEnd(40)} ${bits.toFixed(3)} ${note}`.trimEnd());
  const words = score.wordPerplexity === undefined ? "" : `, ${score.wordPerplexity.toFixed(0)} per word`;
  console.log("\nBits per byte of the held-out text, the last 300 kB of the speeches:");
  row(
    `the model after ${step} steps`,
    score.bitsPerByte,
    `(perplexity ${score.perplexity.toFixed(1)} per token${words})`,
  );
  row("brotli -q 11 -w 24", compression.alone);
  row("brotli, primed with the training text", compression.primed);
}

function printNext() {
  console.log("\nTry next:");
  const sampling = ["--max-tokens", "120", "--temperature", "0.8", "--top-p", "0.95", "--seed", "2"];
  const longer = ["--resume", "auto", "--train.timeLimitMinutes", "15"];
  console.log(`  ${commandLine(["generate", `${HOME}/run`, "--prompt", "Our foreign policy", ...sampling])}`);
  console.log(`  ${commandLine(["pretrain", "recipes/quickstart.yaml", ...longer])}`);
  console.log(`  ${commandLine(["doctor"])}`);
}

// Ctrl+C also reaches the running command, which saves a checkpoint; this process stays alive to say so.
let interrupted = false;
process.on("SIGINT", () => {
  interrupted = true;
});

async function build() {
  if (!exists("apps/cli/dist"))
    console.log("Building. This takes about a minute, or longer with Rust, which builds the native engine.");
  return turbo("build");
}

if (!(await install()) || !(await build())) {
  endIfInterrupted();
  process.exit(1);
}
mkdirSync(join(root, HOME, "data"), { recursive: true });
const done = exists(`${HOME}/result.json`);
if (done)
  console.log(`\nThe quickstart has already run; its model is in ${HOME}. To start over, delete that directory.`);
else await trainAndScore();
printScore();
const passage = ["--prompt", "My fellow Americans,", "--max-tokens", "120", "--temperature", "0.8", "--top-p", "0.95"];
await megatron(["generate", `${HOME}/run`, ...passage, "--seed", "1"]);
printNext();
