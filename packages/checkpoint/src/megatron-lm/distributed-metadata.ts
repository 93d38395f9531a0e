/**
 * Reads the .metadata of PyTorch's distributed checkpoints, which Megatron-LM saves by default (`torch_dist`): every
 * tensor's type, shape and chunks, and where each chunk is. It is a pickle, of which only an allow-list is read.
 */
import { shown, userError } from "../errors.ts";
import { readRegularFile } from "../regular-file.ts";
import { coverExactly, type Slice } from "../slices.ts";
import type { Dtype } from "../tensor-entry.ts";
import { isObject, itemsOf, LONGEST_PICKLE, type Pickled, readPickle, textOf } from "./pickle.ts";
import { sizeOf, TORCH_DTYPES } from "./torch-tensor.ts";

/** A box of a tensor, and the bytes of the archive that contains it. */
export interface StoredChunk extends Slice {
  file: string;
  offset: number;
  length: number;
}

/** A tensor of a distributed checkpoint. */
export interface DistributedTensor {
  dtype: Dtype;
  shape: readonly number[];
  chunks: readonly StoredChunk[];
}

const ALLOWED = [
  ...Object.keys(TORCH_DTYPES),
  "torch.Size",
  "torch.serialization._get_layout",
  "torch.distributed.checkpoint.metadata.*",
  "torch.distributed.checkpoint.filesystem.*",
  "torch.distributed.checkpoint.planner.*",
  "torch.distributed.checkpoint.api.*",
  "torch.distributed.checkpoint.stateful.*",
  "collections.OrderedDict",
  "pathlib.*",
  "builtins.set",
  "builtins.getattr",
  "__builtin__.getattr",
];

/**
 * Reads a .metadata file.
 * @throws CheckpointError for names that are not allowed, and for tensors that their chunks do not cover
 */
export function readDistributedMetadata(path: string): Map<string, DistributedTensor> {
  const bytes = readRegularFile(path, { maxBytes: LONGEST_PICKLE });
  const root = itemsOf(readPickle(bytes, { allowed: ALLOWED, source: path }).value);
  const described = itemsOf(root?.get("state_dict_metadata"));
  const stored = itemsOf(root?.get("storage_data"));
  if (!described || !stored) throw userError(`${path} is not the metadata of a distributed checkpoint`);
  const positions = new Map<string, Omit<StoredChunk, keyof Slice>>();
  for (const [index, info] of stored) {
    const where = itemsOf(index);
    const offset = sizeOf(where?.get("offset"));
    positions.set(keyOf(where?.get("fqn"), offset), positionOf(info, path));
  }
  const tensors = new Map<string, DistributedTensor>();
  for (const [name, value] of described) {
    const attributes = itemsOf(value);
    // What is not a tensor is bytes, such as the state of fp8 scaling.
    if (!isObject(value) || !value.global.endsWith(".TensorStorageMetadata") || !attributes) continue;
    if (typeof name !== "string") throw userError(`${path}: a tensor has no name, but ${textOf(name)}`);
    const where = `${path}: ${name}`;
    const shape = countsOf(sizeOf(attributes.get("size")), where);
    const chunks = listOf(attributes.get("chunks"), where).map((chunk): StoredChunk => {
      const box = itemsOf(chunk);
      const origin = countsOf(sizeOf(box?.get("offsets")), where);
      const position = positions.get(keyOf(name, origin));
      if (!position) throw userError(`${where}: the chunk at [${origin}] is not stored`);
      return { origin, shape: countsOf(sizeOf(box?.get("sizes")), where), ...position };
    });
    if (!coverExactly(shape, chunks)) throw userError(`${where}: its chunks do not cover its shape [${shape}]`);
    tensors.set(name, { dtype: dtypeOf(attributes.get("properties"), where), shape, chunks });
  }
  return tensors;
}

function keyOf(name: Pickled | undefined, offset: Pickled | undefined): string {
  return `${String(name)} [${Array.isArray(offset) ? offset.join() : ""}]`;
}

function positionOf(info: Pickled, path: string): Omit<StoredChunk, keyof Slice> {
  const attributes = itemsOf(info);
  const file = attributes?.get("relative_path");
  const [offset, length] = countsOf([attributes?.get("offset") ?? null, attributes?.get("length") ?? null], path) as [
    number,
    number,
  ];
  // Files of a checkpoint are in its own directory.
  if (typeof file !== "string" || !/^[\w-][\w.-]*$/.test(file)) {
    throw userError(`${path}: a chunk is stored in ${shown(file)}, which is not a file of its directory`);
  }
  const transforms = attributes?.get("transform_descriptors");
  if (transforms != null && listOf(transforms, path).length > 0)
    throw userError(`${path}: compressed chunks are not supported`);
  return { file, offset, length };
}

function dtypeOf(properties: Pickled | undefined, where: string): Dtype {
  // TensorProperties pickles its attributes as a tuple, of which the type is the first.
  const state = isObject(properties) ? properties.state : null;
  const named = Array.isArray(state) ? state[0] : itemsOf(properties)?.get("dtype");
  const dtype = isObject(named) ? TORCH_DTYPES[named.global] : undefined;
  if (!dtype) throw userError(`${where}: unknown element type ${isObject(named) ? named.global : "without a name"}`);
  return dtype;
}

function listOf(value: Pickled | undefined, where: string): Pickled[] {
  if (!Array.isArray(value)) throw userError(`${where}: expected a list`);
  return value;
}

function countsOf(value: Pickled | undefined, where: string): number[] {
  return listOf(value, where).map((count) => {
    if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0) {
      throw userError(`${where}: expected sizes, got ${textOf(count)}`);
    }
    return count;
  });
}
