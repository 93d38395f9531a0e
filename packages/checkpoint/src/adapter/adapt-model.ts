/**
 * Puts an adapter beside a model that is loaded: the result computes with the same weights, which are in memory once, and with
 * the adapter's products of low rank. Several adapters can share a base in this way.
 */
import { existsSync } from "node:fs";
import { type AnyModel, createModel, isAdapterWeight } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "../errors.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "../load-checkpoint.ts";
import { manifestFile } from "../manifest.ts";
import { modelConfigOf } from "../model-checkpoint.ts";
import { adaptedConfig, adapterAt, checkBase } from "./open-model-checkpoint.ts";
import { type Adapter, openAdapterDirectory, readAdapter } from "./read-adapter.ts";

/** A model that shares the weights of its base. */
export interface AdaptedModel {
  /** Its own `dispose` would free the base's weights too: call the one below. */
  model: AnyModel;
  /** Frees what the base does not have. */
  dispose(): void;
}

const shapesOf = ({ parameters }: AnyModel) =>
  new Map([...parameters.values()].map(({ name, globalShape }) => [name, globalShape]));

/**
 * Adapts a model. The base must outlive the result.
 * @param options.adapter a run, checkpoint or directory in PEFT's format
 * @throws CheckpointError for an adapter for another base
 */
export function adaptModel(
  { model: base, checkpoint }: { model: AnyModel; checkpoint: LoadedCheckpoint },
  { adapter }: { adapter: string },
): AdaptedModel {
  const opened = openAdapterDirectory(adapterAt(adapter));
  checkBase(opened, checkpoint);
  const config = configAt(opened.directory) ?? adaptedConfig(modelConfigOf(checkpoint), opened);
  const outline = createModel(config, { weights: { source: () => null } });
  const read = readAdapter(opened, { config, weights: shapesOf(outline) });
  const rank = Math.max(...[...read.products.values()].map((product) => product.rank));
  const targets = [...read.products.keys()].map((name) => name.slice(0, -".weight".length));
  const own: tf.Tensor[] = [];
  const source: ParameterSource = ({ name, shape }) => {
    const values = ownValues(read, { name, rank });
    if (values) {
      const tensor = tf.keep(tf.tensor(values, [...shape]));
      own.push(tensor);
      return tensor;
    }
    const shared = base.parameters.get(name)?.tensor;
    if (shared?.shape.join() === shape.join()) return shared;
    throw userError(`${opened.directory}: its base has no ${name} [${shape.join(", ")}]`);
  };
  // Factors are in the values, so that layers may have different ones.
  const model = createModel(config, { weights: { source }, adapter: { rank, alpha: rank, targets, dropout: 0 } });
  return { model, dispose: () => tf.dispose(own) };
}

/** The configuration of a checkpoint of adapters; null for a directory of PEFT's. */
function configAt(directory: string) {
  if (!existsSync(`${directory}/${manifestFile}`)) return null;
  const checkpoint = loadCheckpoint(directory);
  try {
    return modelConfigOf(checkpoint);
  } finally {
    checkpoint.close();
  }
}

/** The values of a weight that the base does not have; null for one of the base. Lower ranks are filled up with zeros. */
function ownValues(
  { products, replaced }: Adapter,
  { name, rank }: { name: string; rank: number },
): Float32Array | null {
  if (!isAdapterWeight(name)) return replaced.get(name)?.values ?? null;
  const product = products.get(name.replace(/\.lora[AB]$/, ".weight"))!;
  if (name.endsWith(".loraA")) {
    const filled = new Float32Array((product.a.length / product.rank) * rank);
    filled.set(product.a);
    return filled;
  }
  const outputs = product.b.length / product.rank;
  const filled = new Float32Array(outputs * rank);
  for (let row = 0; row < outputs; row++) {
    for (let i = 0; i < product.rank; i++) {
      filled[row * rank + i] = product.factor * product.b[row * product.rank + i]!;
    }
  }
  return filled;
}
