/**
 * `npm run test:tensorflow`: runs the conformance suites and the parity test of GPT-2 with PyTorch on the `tensorflow`
 * backend. Needs Python; the first run builds the binding into .cache/tensorflow.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { install, root, runNode } from "./workspace.mjs";

const directory = process.env.MEGATRON_TENSORFLOW ?? join(root, ".cache", "tensorflow");

async function build() {
  if (existsSync(join(directory, "node_modules", "@tensorflow", "tfjs-node", "lib"))) return true;
  const { code } = await runNode([join("packages", "engine", "scripts", "build-tensorflow.mjs"), directory]);
  return code === 0;
}

async function test() {
  const projects = ["engine", "train"].flatMap((name) => ["--project", name]);
  const { code } = await runNode(
    ["node_modules/vitest/vitest.mjs", "run", ...projects, "src/conformance.test.ts", "src/step/gpt2-parity.test.ts"],
    { env: { MEGATRON_TENSORFLOW: directory, MEGATRON_BACKEND: "tensorflow", MEGATRON_CONFORMANCE: "tensorflow" } },
  );
  return code === 0;
}

process.exitCode = (await install()) && (await build()) && (await test()) ? 0 : 1;
