/** Reads LoRA adapters in PEFT's format, whoever wrote them, as products to add to the weights of a base. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ModelConfig } from "@megatron-ts/model";
import { userError } from "../errors.ts";
import { loadCheckpoint } from "../load-checkpoint.ts";
import { manifestFile } from "../manifest.ts";
import { readRegularFile } from "../regular-file.ts";
import { openSafetensors, type SafetensorsFile } from "../safetensors.ts";
import { storedFloats, widen } from "../stored-floats.ts";
import { modulesOf } from "./adapted-modules.ts";
import { ADAPTER_CONFIG, factorOf, type PeftConfig, parsePeftConfig } from "./adapter-config.ts";
import { ADAPTER_MODEL, BASE_FINGERPRINT, peftNames } from "./write-adapter.ts";

/** B A of one of our weights, times its factor. */
interface Product {
  /** [rank, inputs] */
  a: Float32Array;
  /** [outputs, rank] */
  b: Float32Array;
  rank: number;
  factor: number;
}

/** An adapter of a model. */
export interface Adapter {
  directory: string;
  /** Products by the names of our weights. */
  products: ReadonlyMap<string, Product>;
  /** Weights that replace those of the base, or that it lacks, such as a head, by our names. */
  replaced: ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>;
}

/** A directory with an adapter, before it is known what it is for. */
export interface AdapterDirectory {
  directory: string;
  json: PeftConfig;
  /** The fingerprint of the base's weights, if this library wrote it. */
  fingerprint: string | undefined;
  /** Shapes of its tensors, by their names there. */
  shapes: ReadonlyMap<string, readonly number[]>;
}

const LARGEST_CONFIG = 2 ** 24;

/** Whether a directory has an adapter. */
export const hasAdapter = (directory: string): boolean => existsSync(join(directory, ADAPTER_CONFIG));

/** Reads what an adapter says about itself. Throws a CheckpointError for anything damaged or unsupported. */
export function openAdapterDirectory(directory: string): AdapterDirectory {
  if (existsSync(join(directory, manifestFile))) verify(directory);
  const path = join(directory, ADAPTER_CONFIG);
  const json = parsePeftConfig(readRegularFile(path, { maxBytes: LARGEST_CONFIG }).toString("utf8"), path);
  const file = openTensors(directory);
  try {
    const shapes = new Map(file.names.map((name) => [name, file.info(name).shape]));
    return { directory, json, fingerprint: file.metadata[BASE_FINGERPRINT], shapes };
  } finally {
    file.close();
  }
}

/** Compares both files of a checkpoint with its manifest. */
function verify(directory: string): void {
  const checkpoint = loadCheckpoint(directory);
  try {
    for (const name of [ADAPTER_CONFIG, ADAPTER_MODEL]) checkpoint.readFile(name);
  } finally {
    checkpoint.close();
  }
}

function openTensors(directory: string): SafetensorsFile {
  const path = join(directory, ADAPTER_MODEL);
  if (existsSync(path)) return openSafetensors(path);
  throw userError(
    `${directory} has no ${ADAPTER_MODEL}; other files of adapters, such as adapter_model.bin, are not read`,
  );
}

/**
 * Reads an adapter for a model.
 * @param options.weights names and shapes of the model's weights
 * @throws CheckpointError in one line if it is for another model
 */
export function readAdapter(
  { directory, json }: AdapterDirectory,
  { config, weights }: { config: ModelConfig; weights: ReadonlyMap<string, readonly number[]> },
): Adapter {
  const file = openTensors(directory);
  try {
    const modules = modulesOf(config);
    const unused = new Set(file.names);
    const read = (name: string) => {
      unused.delete(name);
      const { dtype, shape } = file.info(name);
      return { shape, values: widen(storedFloats(file.read(name), { dtype, name })) };
    };
    const products = new Map<string, Product>();
    const replaced = new Map<string, { shape: readonly number[]; values: Float32Array }>();
    const present = new Set(file.names);
    for (const [name, shape] of weights) {
      const whole = `base_model.model.${modules.nameOf(name)}`;
      if (present.has(whole)) {
        const found = read(whole);
        if (found.shape.join() !== shape.join()) throw another(directory, `${whole} is [${found.shape}]`, shape);
        replaced.set(name, found);
      }
      if (shape.length !== 2 || !name.endsWith(".weight")) continue;
      const part = modules.partOf(name.slice(0, -".weight".length), shape);
      const [nameA, nameB] = peftNames(part.module);
      if (!present.has(nameA) || !present.has(nameB)) continue;
      const [a, b] = [read(nameA), read(nameB)];
      const [rank, inputs] = a.shape as [number, number];
      const [outputs, width] = b.shape as [number, number];
      const {
        of,
        first,
        count,
        whole: size,
      } = part.slice ?? { of: "outputs", first: 0, count: outputs, whole: outputs };
      const own = of === "outputs" ? [count, inputs] : [outputs, count];
      const fits = rank === width && own.join() === shape.join() && (of === "outputs" ? outputs : inputs) === size;
      if (!fits) throw another(directory, `${part.module} is ${outputs} x ${width} by ${rank} x ${inputs}`, shape);
      products.set(name, {
        a: of === "inputs" ? columnsOf(a.values, { width: inputs, first, count }) : a.values,
        b: of === "outputs" ? b.values.slice(first * rank, (first + count) * rank) : b.values,
        rank,
        factor: factorOf(json, part.module),
      });
    }
    const [unknown] = unused;
    if (unknown !== undefined) throw userError(`${directory} is an adapter for another base, which has ${unknown}`);
    if (products.size === 0) throw userError(`${directory}: no adapter of a layer is in ${ADAPTER_MODEL}`);
    return { directory, products, replaced };
  } finally {
    file.close();
  }
}

const another = (directory: string, found: string, shape: readonly number[]) =>
  userError(`${directory} is an adapter for another base: ${found}, where this one has [${shape}]`);

function columnsOf(values: Float32Array, { width, first, count }: { width: number; first: number; count: number }) {
  const rows = values.length / width;
  const own = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    own.set(values.subarray(row * width + first, row * width + first + count), row * count);
  }
  return own;
}
