/**
 * The `tensorflow` backend: libtensorflow through TensorFlow.js's own Node packages, which are optional peer
 * dependencies, loaded only if this backend is started. MEGATRON_TENSORFLOW names a directory with a custom build of
 * tfjs-node in its node_modules, see scripts/build-tensorflow.mjs.
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

/** Directory of the first package that is installed, or null. */
function findPackage(): string | null {
  const root = process.env.MEGATRON_TENSORFLOW;
  const require = createRequire(root ? join(resolve(root), "package.json") : import.meta.url);
  for (const name of packages) {
    try {
      return dirname(require.resolve(`${name}/package.json`));
    } catch {
      // Not installed: try the next one.
    }
  }
  return null;
}

/** Whether the package has its compiled binding: package managers often do not run the script that downloads it. */
function hasBinding(directory: string): boolean {
  const library = join(directory, "lib");
  return (
    existsSync(library) &&
    readdirSync(library).some((version) => existsSync(join(library, version, "tfjs_binding.node")))
  );
}

/** Why the tensorflow backend cannot run here; null if it can. */
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

/** Starts the tensorflow backend. Throws an EngineError if its package is missing or fails to load. */
export async function startTensorflow({ threads = availableParallelism() }: BackendOptions): Promise<RunningBackend> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  restoreIsNullOrUndefined();
  const directory = findPackage();
  if (!directory) throw new EngineError(`backend tensorflow is not available: ${await tensorflowUnavailableReason()}`);
  try {
    createRequire(import.meta.url)(directory);
  } catch (error) {
    throw new EngineError(`backend tensorflow failed to load from ${directory}: ${(error as Error).message}`);
  }
  if (!(await tf.setBackend("tensorflow"))) throw new Error("the tensorflow backend did not start");
  await tf.ready();
  return { threads: Number(process.env.TF_NUM_INTRAOP_THREADS), instructionSets: [] };
}

/** tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed. */
function restoreIsNullOrUndefined(): void {
  // The types no longer have the function that this puts back.
  const module = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
  module.isNullOrUndefined ??= (value) => value === null || value === undefined;
}
