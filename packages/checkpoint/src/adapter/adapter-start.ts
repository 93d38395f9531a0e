/**
 * An adapter to train further: its matrices as weights of ours, whoever wrote it. Ours are read from their checkpoint, one for
 * each layer; those of PEFT from its files, where one module may be several layers.
 */
import { existsSync } from "node:fs";
import { createModel, isAdapterWeight, type ModelConfig } from "@megatron-ts/model";
import { shapeOnly } from "@megatron-ts/parallel";
import { userError } from "../errors.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "../load-checkpoint.ts";
import { manifestFile } from "../manifest.ts";
import { modelConfigOf } from "../model-checkpoint.ts";
import { bytesOf } from "../stored-floats.ts";
import type { TensorReader } from "../tensor-reader.ts";
import { adaptedConfig, adapterAt, checkBase } from "./open-model-checkpoint.ts";
import { type AdapterDirectory, openAdapterDirectory, readAdapter } from "./read-adapter.ts";

/** Where the training of an adapter starts. */
export interface AdapterStart {
  adapter: { rank: number; alpha: number; targets: readonly string[] };
  /** Its matrices, and those of its head where the model has the same one. */
  weights: TensorReader;
}

interface Tensor {
  shape: readonly number[];
  values: Float32Array;
}

/**
 * Reads the adapter that a path refers to: a run, a checkpoint or a directory in PEFT's format.
 * @param options.config of the model to train, with the head of its task
 * @throws CheckpointError in one line for an adapter for another base
 */
export function openAdapterStart(
  path: string,
  { base, config }: { base: LoadedCheckpoint; config: ModelConfig },
): AdapterStart {
  const opened = openAdapterDirectory(adapterAt(path));
  checkBase(opened, base);
  const { r, lora_alpha } = opened.json;
  const isOwn = existsSync(`${opened.directory}/${manifestFile}`);
  const { rank, tensors } = isOwn
    ? { rank: r, tensors: ownTensors(opened, config) }
    : foreignTensors(opened, { base, config });
  const targets = [...tensors.keys()].flatMap((name) =>
    name.endsWith(".loraA") ? [name.slice(0, -".loraA".length)] : [],
  );
  return { adapter: { rank, alpha: (lora_alpha * rank) / r, targets }, weights: readerOf(tensors) };
}

const headOf = (config: ModelConfig) => JSON.stringify("task" in config ? config.task : undefined);

/** The tensors of a checkpoint of ours. */
function ownTensors({ directory }: AdapterDirectory, config: ModelConfig): Map<string, Tensor> {
  const checkpoint = loadCheckpoint(directory);
  try {
    const { weights } = checkpoint;
    const sameHead = headOf(modelConfigOf(checkpoint)) === headOf(config);
    const names = weights.names.filter((name) => isAdapterWeight(name) || (sameHead && name.startsWith("taskHead.")));
    return new Map(
      names.map((name) => {
        const { buffer, byteOffset, byteLength } = weights.read(name);
        return [
          name,
          { shape: weights.info(name).shape, values: new Float32Array(buffer, byteOffset, byteLength / 4) },
        ];
      }),
    );
  } finally {
    checkpoint.close();
  }
}

/** Those of PEFT's: lower ranks are filled up with zeros, and factors other than the configuration's go into B. */
function foreignTensors(
  opened: AdapterDirectory,
  { base, config }: { base: LoadedCheckpoint; config: ModelConfig },
): { rank: number; tensors: Map<string, Tensor> } {
  const own = adaptedConfig(modelConfigOf(base), opened);
  const shapes = new Map(
    [...createModel(own, { weights: { source: shapeOnly } }).parameters.values()].map(({ name, globalShape }) => [
      name,
      globalShape,
    ]),
  );
  const { products, replaced } = readAdapter(opened, { config: own, weights: shapes });
  const rank = Math.max(...[...products.values()].map((product) => product.rank));
  const { r, lora_alpha } = opened.json;
  const tensors = new Map<string, Tensor>();
  for (const [name, { a, b, rank: ownRank, factor }] of products) {
    const layer = name.slice(0, -".weight".length);
    const [inputs, outputs] = [a.length / ownRank, b.length / ownRank];
    const [filledA, filledB] = [new Float32Array(rank * inputs), new Float32Array(outputs * rank)];
    filledA.set(a);
    const scale = factor / (lora_alpha / r);
    for (const [index, value] of b.entries()) {
      filledB[Math.floor(index / ownRank) * rank + (index % ownRank)] = scale * value;
    }
    tensors.set(`${layer}.loraA`, { shape: [rank, inputs], values: filledA });
    tensors.set(`${layer}.loraB`, { shape: [outputs, rank], values: filledB });
  }
  const wanted = headShapes(config);
  for (const [name, { shape, values }] of replaced) {
    if (!name.startsWith("taskHead."))
      throw userError(`${opened.directory}: cannot be trained further: it replaces ${name}`);
    if (wanted.get(name)?.join() === shape.join()) tensors.set(name, { shape, values });
  }
  return { rank, tensors };
}

function headShapes(config: ModelConfig): Map<string, readonly number[]> {
  const { parameters } = createModel(config, { weights: { source: shapeOnly } });
  const heads = [...parameters.values()].filter(({ name }) => name.startsWith("taskHead."));
  return new Map(heads.map(({ name, globalShape }) => [name, globalShape]));
}

function readerOf(tensors: ReadonlyMap<string, Tensor>): TensorReader {
  return {
    names: [...tensors.keys()],
    info: (name) => ({ dtype: "F32", shape: tensors.get(name)!.shape }),
    read: (name) => bytesOf(tensors.get(name)!.values.slice()),
  };
}
