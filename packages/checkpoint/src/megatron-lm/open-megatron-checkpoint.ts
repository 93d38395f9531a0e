/**
 * Opens a checkpoint of Megatron-LM for import: the configuration from its arguments, and its weights, merged over all ranks
 * and under our names, as a source for a model.
 */
import {
  createModel,
  type MegatronLmArguments,
  type MegatronLmFormat,
  type MegatronLmWeight,
  type ModelConfig,
  megatronLmFamilyOf,
  megatronLmFormats,
  modelConfigSchema,
} from "@megatron-ts/model";
import { type ParameterSource, type Parameters, shapeOnly } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { listed, userError } from "../errors.ts";
import { requireFinite } from "../foreign-weights.ts";
import { checkLayerCount } from "../layer-count.ts";
import { openIteration } from "./iteration-directory.ts";
import { mergeSlices } from "./merge-slices.ts";
import { openTensors } from "./open-tensors.ts";
import type { OpenedCheckpoint } from "./opened-checkpoint.ts";
import { itemsOf } from "./pickle.ts";
import { hasCrossAttention, isCoreName, oldName, wholeShape } from "./tensor-names.ts";
import type { TorchTensor } from "./torch-tensor.ts";

/** A checkpoint of Megatron-LM that can be imported. */
export interface MegatronCheckpoint {
  config: ModelConfig;
  /** Updates that the checkpoint was trained for. */
  iteration: number;
  /** Reads weights one at a time. Throws a CheckpointError for damage, and for weights that are NaN or infinite. */
  source: ParameterSource;
  close(): void;
}

type Slices = ReadonlyMap<string, readonly TorchTensor[]>;

/**
 * Opens a checkpoint of Megatron-LM, or one of its iterations. The caller closes it.
 * @throws CheckpointError for what is damaged, incomplete or not allowed, and with a line for each tensor that does not fit (20 at most)
 * @throws ModelError that names the argument whose value is not supported
 */
export function openMegatronCheckpoint(directory: string): Promise<MegatronCheckpoint> {
  return openIteration(directory, (iteration) => openFrom(iteration, directory));
}

/** `directory` is for messages. */
async function openFrom(iteration: string, directory: string): Promise<MegatronCheckpoint> {
  const { root, slices, repeated, prepare, close } = await openTensors(iteration);
  try {
    const args = argumentsOf(itemsOf(root.get("args")), directory);
    const { stored, duplicates } = storedNames([...slices.keys()]);
    const tensors: Slices = new Map([...stored].map(([name, own]) => [name, slices.get(own)!]));
    const format = formatOf([...tensors.keys()], directory);
    const embedding = tensors.get("embedding.word_embeddings.weight");
    if (!embedding) throw userError(`${directory} has no word embeddings`);
    const [vocabularySize] = wholeShape("embedding.word_embeddings.weight", embedding) as [number];
    const core = [...slices.keys()].some(isCoreName);
    const written = format.fromMegatronLm(args, { vocabularySize, core });
    checkLayerCount(written, { tensors: tensors.size, source: directory });
    const config = configOf(written, directory);
    const names = format.names(args, config);
    const copies = new Map([...format.copies(args), ...duplicates]);
    const { parameters } = createModel(config, { weights: { source: shapeOnly } });
    checkNames(tensors, { names, parameters, copies, format, directory });
    const wanted = [...names.values()].map(({ name }) => name);
    await prepare([...wanted, ...copies.keys()].flatMap((name) => stored.get(name) ?? []));
    const version = Number(root.get("checkpoint_version") ?? 0);
    checkCopies(tensors, { copies, directory });
    checkRepeated(repeated, { slices, used: new Set(wanted.flatMap((name) => stored.get(name) ?? [])), directory });
    const source = createSource({ tensors, names, version, directory });
    return { config, iteration: Number(root.get("iteration") ?? 0), source, close };
  } catch (error) {
    close();
    throw error;
  }
}

function configOf(written: object, directory: string): ModelConfig {
  const { data, error } = modelConfigSchema.safeParse(written);
  if (data) return data;
  const { path, message } = error!.issues[0]!;
  throw userError(`${directory}: its arguments make no model: ${path.join(".")}: ${message}`);
}

/** Stored names by the oldest ones. A tensor that is stored under several keeps its name, as a copy of the first. */
function storedNames(names: readonly string[]) {
  const crossAttention = hasCrossAttention(names);
  const stored = new Map<string, string>();
  const duplicates = new Map<string, string>();
  for (const name of names) {
    const old = oldName(name, { crossAttention });
    if (stored.has(old)) duplicates.set(name, old);
    stored.set(stored.has(old) ? name : old, name);
  }
  return { stored, duplicates };
}

function argumentsOf(args: ReadonlyMap<unknown, unknown> | null, directory: string): MegatronLmArguments {
  if (!args) throw userError(`${directory} has no "args", without which its model is not known`);
  return new Map([...args].map(([name, value]) => [String(name), value]));
}

function formatOf(names: readonly string[], directory: string): MegatronLmFormat {
  const format = megatronLmFormats.find((known) => known.supports(names));
  if (format) return format;
  const known = megatronLmFormats.map(({ modelType }) => modelType).join(", ");
  const found = megatronLmFamilyOf(names).toUpperCase();
  throw userError(`${directory} is a ${found} that is not imported from Megatron-LM; supported: ${known}`);
}

interface CheckOptions {
  names: ReadonlyMap<string, MegatronLmWeight>;
  parameters: Parameters;
  copies: ReadonlyMap<string, string>;
  format: MegatronLmFormat;
  directory: string;
}

/** @throws CheckpointError with a line for each missing, unexpected and misshaped tensor (20 at most) */
function checkNames(tensors: Slices, { names, parameters, copies, format, directory }: CheckOptions): void {
  const problems: string[] = [];
  const used = new Set<string>();
  for (const { name, globalShape } of parameters.values()) {
    const weight = names.get(name);
    if (!weight) throw new Error(`${format.modelType} has no tensor for ${name}`);
    const slices = tensors.get(weight.name);
    if (!slices) {
      problems.push(`missing: ${weight.name} (our ${name})`);
      continue;
    }
    used.add(weight.name);
    const expected = sharedShape(globalShape, weight);
    const found = wholeShape(weight.name, slices);
    if (found.join() !== expected.join()) {
      problems.push(`wrong shape: ${weight.name} is [${found}], expected [${expected}] (our ${name})`);
    }
  }
  for (const [name, slices] of tensors) {
    if (used.has(name) || copies.has(name) || format.ignoredTensors.some((pattern) => pattern.test(name))) continue;
    problems.push(`unexpected: ${name} [${wholeShape(name, slices)}]`);
  }
  if (problems.length > 0) {
    throw userError(`${directory} does not fit its arguments:${listed(problems)}`);
  }
}

/** Shape of the tensor that contains a weight: more rows where others share it. */
function sharedShape([rows, ...rest]: readonly number[], { fused, half }: MegatronLmWeight): (number | undefined)[] {
  if (half !== undefined) return [2 * rows!, ...rest];
  if (!fused) return rows === undefined ? [] : [rows, ...rest];
  const share = fused.part === "query" ? fused.queriesPerGroup : 1;
  return [(rows! / share) * (fused.queriesPerGroup + 2), ...rest];
}

/** Pipeline stages keep copies of the embedding that training holds equal. */
function checkCopies(
  tensors: Slices,
  { copies, directory }: { copies: ReadonlyMap<string, string>; directory: string },
): void {
  for (const [copy, original] of copies) {
    const own = tensors.get(copy);
    const other = tensors.get(original);
    if (!own || !other) continue;
    if (!sameSlices(own, other))
      throw userError(`${directory}: ${copy} differs from ${original}, of which it should be a copy`);
  }
}

/** A stage may have what another one has, such as the embedding that the decoder of T5 begins with. */
function checkRepeated(
  repeated: OpenedCheckpoint["repeated"],
  { slices, used, directory }: { slices: Slices; used: ReadonlySet<string>; directory: string },
): void {
  for (const copy of repeated) {
    if (!used.has(copy.name) || sameSlices(copy.slices, slices.get(copy.name)!)) continue;
    throw userError(`${directory}: ${copy.name} differs between pipeline stages, where it should be the same`);
  }
}

const sameSlices = (a: readonly TorchTensor[], b: readonly TorchTensor[]): boolean =>
  a.length === b.length && a.every((slice, rank) => sameValues(slice, b[rank]!));

function sameValues(a: TorchTensor, b: TorchTensor): boolean {
  if (a.shape.join() !== b.shape.join()) return false;
  const [left, right] = [a.read(), b.read()];
  return left.every((value, index) => value === right[index]);
}

interface SourceOptions {
  tensors: Slices;
  names: ReadonlyMap<string, MegatronLmWeight>;
  version: number;
  directory: string;
}

function createSource({ tensors, names, version, directory }: SourceOptions): ParameterSource {
  return ({ name, globalShape }) => {
    const weight = names.get(name);
    const slices = weight && tensors.get(weight.name);
    if (!weight || !slices) throw userError(`${directory} has no tensor for ${name}`);
    const values = mergeSlices(slices, weight, { version });
    requireFinite(values, `${directory}: ${weight.name}`);
    return tf.keep(tf.tensor(values, [...globalShape]));
  };
}
