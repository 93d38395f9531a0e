/**
 * The `tensorflow` backend: libtensorflow through TensorFlow.js's own Node packages, which are optional peers and
 * imported only when asked for. MEGATRON_TENSORFLOW names a directory that holds a tfjs-node of one's own build
 * (see scripts/build-tensorflow.mjs) in its node_modules.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import util from "node:util";
import * as tf from "@tensorflow/tfjs";
import type { BackendOptions, RunningBackend } from "./backend.ts";
import { EngineError } from "./errors.ts";

const packages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

/** The directory of the first package that is installed, or null. */
function findPackage(): string | null {
  const root = process.env.MEGATRON_TENSORFLOW;
  const require = createRequire(root ? join(resolve(root), "package.json") : import.meta.url);
  for (const name of packages) {
    try {
      return dirname(require.resolve(`${name}/package.json`));
    } catch {
      // Not installed: the next one.
    }
  }
  return null;
}

/** Whether the package's compiled binding is there: package managers often do not run the script that fetches it. */
function hasBinding(directory: string): boolean {
  const library = join(directory, "lib");
  return (
    existsSync(library) &&
    readdirSync(library).some((version) => existsSync(join(library, version, "tfjs_binding.node")))
  );
}

export async function tensorflowUnavailableReason(): Promise<string | null> {
  const root = process.env.MEGATRON_TENSORFLOW;
  const directory = findPackage();
  if (!directory) {
    return `neither ${packages.join(" nor ")} is installed ${root ? `in MEGATRON_TENSORFLOW=${root}` : "(npm install @tensorflow/tfjs-node)"}`;
  }
  if (!hasBinding(directory)) {
    return `${directory} has no compiled binding: run its install script, or build one with scripts/build-tensorflow.mjs`;
  }
  return null;
}

export async function startTensorflow({ threads = availableParallelism() }: BackendOptions): Promise<RunningBackend> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  mendUtil();
  const directory = findPackage();
  if (!directory)
    throw new EngineError(`the backend tensorflow cannot run here: ${await tensorflowUnavailableReason()}`);
  try {
    createRequire(import.meta.url)(directory);
  } catch (error) {
    throw new EngineError(`the backend tensorflow does not load from ${directory}: ${(error as Error).message}`);
  }
  if (!(await tf.setBackend("tensorflow"))) throw new Error("the tensorflow backend did not start");
  await tf.ready();
  return { threads: Number(process.env.TF_NUM_INTRAOP_THREADS), instructionSets: [] };
}

/** tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed. */
function mendUtil(): void {
  const module = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
  module.isNullOrUndefined ??= (value) => value === null || value === undefined;
}
