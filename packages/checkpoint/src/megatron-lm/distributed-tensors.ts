/**
 * Opens the `torch_dist` format: .metadata describes the tensors, whose chunks are archives of torch.save in .distcp files;
 * common.pt has everything else. Tensors are whole, and equal layers may be stacked in one. Knows no families.
 */
import { closeSync } from "node:fs";
import { join } from "node:path";
import { userError } from "../errors.ts";
import type { OpenFile } from "../read-exactly.ts";
import { openRegularFile } from "../regular-file.ts";
import { placeSlice } from "../slices.ts";
import { elementCount } from "../tensor-entry.ts";
import { type DistributedTensor, readDistributedMetadata, type StoredChunk } from "./distributed-metadata.ts";
import type { OpenedCheckpoint } from "./opened-checkpoint.ts";
import { itemsOf, type Pickled } from "./pickle.ts";
import { openTorchArchive, openTorchFile } from "./torch-file.ts";
import { type TorchTensor, tensorOf } from "./torch-tensor.ts";

/** More than any model has. */
const MOST_LAYERS = 10_000;

/** State of the optimizer and of the run, which is no part of the model. */
const NOT_WEIGHTS = /^(optimizer|opt_param_scheduler|rng_state|rerun_state_machine|chained_)/;

/**
 * Reads the descriptions of an iteration.
 * @throws CheckpointError for a missing or damaged file, and for names that are not allowed
 */
export async function openDistributedTensors(directory: string): Promise<OpenedCheckpoint> {
  const tensors = readDistributedMetadata(join(directory, ".metadata"));
  const root = await readCommon(join(directory, "common.pt"));
  const files = new Map<string, OpenFile & { size: number }>();
  const ready = new Map<StoredChunk, TorchTensor>();

  function fileOf(name: string): OpenFile & { size: number } {
    const known = files.get(name);
    if (known) return known;
    const path = join(directory, name);
    const opened = { path, ...openRegularFile(path) };
    files.set(name, opened);
    return opened;
  }

  async function openChunk(chunk: StoredChunk): Promise<void> {
    const file = fileOf(chunk.file);
    const { offset, length } = chunk;
    if (offset + length > file.size)
      throw userError(`${file.path} is truncated: ${file.size} of ${offset + length} bytes`);
    const content = await openTorchArchive(file, { offset, length });
    const tensor = tensorOf(content.root, { storages: content.storages, source: `${file.path} at ${offset}` });
    if (elementCount(tensor.shape) !== elementCount(chunk.shape)) {
      throw userError(`${file.path} at ${offset}: a tensor [${tensor.shape}], expected [${chunk.shape}]`);
    }
    ready.set(chunk, tensor);
  }

  const args = itemsOf(root.get("args"));
  const slices = new Map<string, [TorchTensor]>();
  const chunksOf = new Map<string, readonly StoredChunk[]>();
  for (const [name, tensor] of tensors) {
    if (NOT_WEIGHTS.test(name)) continue;
    for (const [own, layer] of unstack(name, tensor, args)) {
      const chunks = layer === null ? tensor.chunks : tensor.chunks.filter((chunk) => contains(chunk, layer));
      chunksOf.set(own, chunks);
      slices.set(own, [readable(tensor, { chunks, layer, ready, name: own })]);
    }
  }

  return {
    root,
    split: { tensor: 1, pipeline: 1 },
    slices,
    repeated: [],
    async prepare(names) {
      for (const name of names) {
        for (const chunk of chunksOf.get(name) ?? []) if (!ready.has(chunk)) await openChunk(chunk);
      }
    },
    close() {
      for (const { descriptor } of files.values()) closeSync(descriptor);
    },
  };
}

async function readCommon(path: string): Promise<Map<Pickled, Pickled>> {
  const file = await openTorchFile(path);
  file.close();
  const root = itemsOf(file.root);
  if (!root) throw userError(`${path} contains no dictionary`);
  return root;
}

/**
 * `decoder.layers.mlp.linear_fc2.weight` [L, ...] is `decoder.layers.0.mlp.linear_fc2.weight` and so on. Stays stacked where
 * the arguments do not say that its stack has L layers.
 */
function unstack(
  name: string,
  { shape }: DistributedTensor,
  args: ReadonlyMap<Pickled, Pickled> | null,
): [string, number | null][] {
  const stacked = /^((?:.*\.)?layers\.)(?!\d+\.)(.+)$/.exec(name);
  const stack = /^(encoder|decoder)\./.exec(name)?.[1];
  const layers = args?.get(`${stack}_num_layers`) ?? args?.get("num_layers");
  const [length] = shape;
  if (!stacked || length === undefined || length !== layers || length > MOST_LAYERS) return [[name, null]];
  return Array.from({ length }, (_, layer) => [`${stacked[1]}${layer}.${stacked[2]}`, layer]);
}

const contains = ({ origin, shape }: StoredChunk, layer: number): boolean =>
  origin[0]! <= layer && layer < origin[0]! + shape[0]!;

interface ReadableOptions {
  chunks: readonly StoredChunk[];
  /** Index of a stacked layer; null for the whole tensor. */
  layer: number | null;
  ready: ReadonlyMap<StoredChunk, TorchTensor>;
  name: string;
}

/** A tensor, or one layer of it, that assembles its chunks when it is read. */
function readable(tensor: DistributedTensor, { chunks, layer, ready, name }: ReadableOptions): TorchTensor {
  const shape = layer === null ? tensor.shape : tensor.shape.slice(1);
  return {
    dtype: tensor.dtype,
    shape,
    read() {
      const whole = new Float32Array(elementCount(shape));
      for (const chunk of chunks) {
        const stored = ready.get(chunk);
        if (!stored) throw new Error(`${name} was not prepared`);
        const values = stored.read();
        const own = layer === null ? chunk : { origin: chunk.origin.slice(1), shape: chunk.shape.slice(1) };
        const size = elementCount(own.shape);
        const first = layer === null ? 0 : (layer - chunk.origin[0]!) * size;
        const part = values.subarray(first, first + size);
        placeSlice(bytesOf(whole), bytesOf(part), { shape, slice: own, elementBytes: 4 });
      }
      return whole;
    },
  };
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
