/**
 * `npm start`: installs, builds, and runs `megatron start` on State of the Union addresses and Moby Dick. What is finished
 * is skipped, so that rerunning `npm start` resumes an interrupted quickstart.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeQuickstartText } from "./quickstart-text.mjs";
import { install, root, runNode, turbo } from "./workspace.mjs";

const HOME = "runs/quickstart";
const PROGRAM = "apps/cli/bin/megatron.js";

const exists = (path) => existsSync(join(root, path));
const quoted = (args) => args.map((arg) => (/^[\w./,:=-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(" ");

// Ctrl+C also reaches the running command, which saves a checkpoint; this process stays alive to say so.
let interrupted = false;
process.on("SIGINT", () => {
  interrupted = true;
});

/** Ends with the exit code of what failed, or that of an interruption. */
function end(code) {
  if (interrupted) console.log("\nStopped. Rerun npm start to resume.");
  process.exit(interrupted ? 130 : code);
}

async function build() {
  if (!exists("apps/cli/dist"))
    console.log("Building. This takes about a minute, or longer with Rust, which builds the native engine.");
  return turbo("build");
}

if (!(await install()) || !(await build())) end(1);
if (!exists(`${HOME}/.text-written`)) {
  mkdirSync(join(root, HOME), { recursive: true });
  writeQuickstartText(join(root, HOME));
  writeFileSync(join(root, HOME, ".text-written"), "");
}
const texts = [`${HOME}/text`, "--held-out", `${HOME}/held-out.jsonl`];
const args = ["start", ...texts, "--output", `${HOME}/model`, "--prompt", "My fellow Americans,", "--minutes", "4.5"];
console.log(`\n$ node ${PROGRAM} ${quoted(args)}`);
const { code } = await runNode([PROGRAM, ...args]);
if (code !== 0 && !interrupted)
  console.log(`\nThe command failed. Fix the error above and rerun npm start; to start over, delete ${HOME}.`);
if (code !== 0 || interrupted) end(code);
