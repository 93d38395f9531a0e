/**
 * `npm start`: installs, builds, and goes the whole way once, by the commands that it prints: real text, tokenizer,
 * dataset, a small GPT, its score on held-out text beside a compressor's, a passage. Whatever is done already is not
 * done again; interrupted, the next `npm start` goes on.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeQuickstartText } from "./quickstart-text.mjs";
import { install, root, runNode, turbo } from "./workspace.mjs";

const HOME = "runs/quickstart";
const PROGRAM = "apps/cli/bin/megatron.js";

const exists = (path) => existsSync(join(root, path));
const readJson = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));

/** Written beside and renamed: what is there is whole. */
function writeJson(path, value) {
  writeFileSync(join(root, `${path}.new`), `${JSON.stringify(value, null, 2)}\n`);
  renameSync(join(root, `${path}.new`), join(root, path));
}

const shown = (args) => args.map((arg) => (/^[\w./,:=-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(" ");
const commandLine = (args) => `node ${PROGRAM} ${shown(args)}`;

/** Ends this program where Ctrl+C ended what it ran. */
function endIfInterrupted() {
  if (!interrupted) return;
  console.log("\nStopped. npm start goes on from there.");
  process.exit(130);
}

/** Runs a command of the CLI, printed first. Ends this program where the command fails. */
async function megatron(args, options) {
  console.log(`\n$ ${commandLine(args)}`);
  const { code, stdout } = await runNode([PROGRAM, ...args], options);
  if (code !== 0) {
    endIfInterrupted();
    console.log(`\nThat command failed. Mend what it says and run npm start again; to begin anew, delete ${HOME}.`);
    process.exit(code);
  }
  return stdout;
}

const megatronJson = async (args) => JSON.parse(await megatron([...args, "--json"], { capture: true }));

async function makeData() {
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

/** What brotli reaches, after the training that it would slow down. Null where it was interrupted. */
async function compress() {
  const path = `${HOME}/compression.json`;
  if (exists(path)) return readJson(path);
  console.log("\nCompressing the same text with brotli, to compare: a minute.");
  const { code, stdout } = await runNode(["scripts/quickstart-compression.mjs"], { capture: true });
  if (code !== 0) return null;
  writeJson(path, JSON.parse(stdout));
  return readJson(path);
}

async function trainAndScore() {
  await makeData();
  const run = await megatronJson(["pretrain", "recipes/quickstart.yaml", "--resume", "auto"]);
  if (run.reason === "stopped") {
    console.log(`\nStopped after step ${run.step} and saved. npm start goes on from there.`);
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
  console.log("\nThe held-out text, the last 300 kB of the speeches, in bits per byte:");
  row(
    `the model, after ${step} steps`,
    score.bitsPerByte,
    `(perplexity ${score.perplexity.toFixed(1)} per token${words})`,
  );
  row("brotli -q 11 -w 24", compression.alone);
  row("the same, primed with the training text", compression.primed);
}

function printNext() {
  console.log("\nTry next:");
  const sampling = ["--max-tokens", "120", "--temperature", "0.8", "--top-p", "0.95", "--seed", "2"];
  const longer = ["--resume", "auto", "--train.timeLimitMinutes", "15"];
  console.log(`  ${commandLine(["generate", `${HOME}/run`, "--prompt", "Our foreign policy", ...sampling])}`);
  console.log(`  ${commandLine(["pretrain", "recipes/quickstart.yaml", ...longer])}`);
  console.log(`  ${commandLine(["doctor"])}`);
}

// Ctrl+C reaches the command that runs as well: it saves, and this program lives on to say so.
let interrupted = false;
process.on("SIGINT", () => {
  interrupted = true;
});

async function build() {
  if (!exists("apps/cli/dist"))
    console.log("Building: about a minute, or some more where Rust is installed, for the native engine.");
  return turbo("build");
}

if (!(await install()) || !(await build())) {
  endIfInterrupted();
  process.exit(1);
}
mkdirSync(join(root, HOME, "data"), { recursive: true });
const done = exists(`${HOME}/result.json`);
if (done)
  console.log(`\nThe quickstart is done already: ${HOME} holds its model. To begin anew, delete that directory.`);
else await trainAndScore();
printScore();
const passage = ["--prompt", "My fellow Americans,", "--max-tokens", "120", "--temperature", "0.8", "--top-p", "0.95"];
await megatron(["generate", `${HOME}/run`, ...passage, "--seed", "1"]);
printNext();
