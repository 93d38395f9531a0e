/**
 * Files of torch.save: a zip whose `data.pkl` describes the tensors and whose other entries are their storages. Tensors
 * are read one at a time, when they are wanted.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { promisify } from "node:util";
import yauzl from "yauzl";
import { userError, wrapFileSystemError } from "../errors.ts";
import { bfloat16ToFloat, halfToFloat } from "../narrow-floats.ts";
import type { Dtype } from "../tensor-entry.ts";
import { isObject, type Pickled, type PickledObject, readPickle } from "./pickle.ts";

/** Everything that a checkpoint of Megatron-LM names; all of it is kept as data. */
const allowed = [
  "collections.OrderedDict",
  "argparse.Namespace",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_parameter",
  "torch.Size",
  "torch.float32",
  "torch.float16",
  "torch.bfloat16",
  "torch.FloatStorage",
  "torch.HalfStorage",
  "torch.BFloat16Storage",
  "torch.ByteStorage",
  "torch.LongStorage",
  "torch.IntStorage",
  "torch.DoubleStorage",
  "numpy.ndarray",
  "numpy.dtype",
  "numpy.core.multiarray._reconstruct",
  "numpy._core.multiarray._reconstruct",
  "_codecs.encode",
  "megatron.model.enums.*",
  "megatron.core.enums.*",
  "megatron.core.transformer.enums.*",
];

/** Element types of storages; those that weights can have, with how they are read. */
const elementTypes: Record<string, { dtype: Dtype; decode?: (bytes: Uint8Array) => Float32Array } | undefined> = {
  FloatStorage: {
    dtype: "F32",
    decode: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  },
  HalfStorage: { dtype: "F16", decode: (bytes) => words(bytes, halfToFloat) },
  BFloat16Storage: { dtype: "BF16", decode: (bytes) => words(bytes, bfloat16ToFloat) },
  ByteStorage: { dtype: "U8" },
  LongStorage: { dtype: "I64" },
  IntStorage: { dtype: "I32" },
  DoubleStorage: { dtype: "F64" },
};

export interface TorchFile {
  readonly root: Pickled;
  close(): void;
}

/** A tensor in a file: where it lies, and its shape. */
export interface TorchTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Its values in row-major order, whatever its strides. */
  read(): Float32Array;
}

/** Opens a file of torch.save. Throws a CheckpointError for one that is damaged or names what is not allowed. */
export async function openTorchFile(path: string): Promise<TorchFile> {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  }
  try {
    const entries = await entriesOf(path);
    const pickled = [...entries.keys()].find((name) => name.endsWith("/data.pkl"));
    if (!pickled) throw userError(`${path} is a zip without data.pkl: not a file of torch.save`);
    const prefix = pickled.slice(0, -"data.pkl".length);
    function readEntry(name: string) {
      const entry = entries.get(`${prefix}${name}`);
      if (!entry) throw userError(`${path}: its storage ${name} is missing`);
      return readStored(descriptor, entry, path);
    }
    const root = readPickle(readEntry("data.pkl"), {
      allowed,
      source: path,
      persistent: (id) => ({ global: "storage", arguments: Array.isArray(id) ? id : [], state: readEntry as never }),
    });
    return { root, close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

interface ZipEntry {
  headerOffset: number;
  size: number;
}

async function entriesOf(path: string): Promise<Map<string, ZipEntry>> {
  const open = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open);
  let zip: yauzl.ZipFile;
  try {
    zip = await open(path, { lazyEntries: false, autoClose: true });
  } catch (error) {
    throw userError(
      `${path} is not a zip file of torch.save (${(error as Error).message}): save older files again with a current PyTorch`,
    );
  }
  const entries = new Map<string, ZipEntry>();
  await new Promise<void>((resolve, reject) => {
    zip.on("entry", (entry: yauzl.Entry) => {
      if (entry.compressionMethod !== 0)
        reject(userError(`${path}: ${entry.fileName} is compressed, which torch.save never does`));
      entries.set(entry.fileName, { headerOffset: entry.relativeOffsetOfLocalHeader, size: entry.uncompressedSize });
    });
    zip.on("end", resolve);
    zip.on("error", (error: Error) => reject(userError(`${path}: damaged (${error.message})`)));
  });
  return entries;
}

/** Bytes of an entry that is stored as it is: behind its local header of 30 bytes, a name and an extra field. */
function readStored(descriptor: number, { headerOffset, size }: ZipEntry, path: string): Uint8Array {
  const header = new DataView(new ArrayBuffer(30));
  readSync(descriptor, header, 0, 30, headerOffset);
  if (header.getUint32(0, true) !== 0x04034b50)
    throw userError(`${path}: damaged: an entry is not where its index says`);
  const start = headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const bytes = new Uint8Array(size);
  for (let read = 0; read < size; ) {
    const count = readSync(descriptor, bytes, read, Math.min(size - read, 2 ** 28), start + read);
    if (count === 0) throw userError(`${path}: truncated`);
    read += count;
  }
  return bytes;
}

/** The tensor that a pickled value describes, or null where it describes something else. */
export function tensorOf(value: Pickled | undefined): TorchTensor | null {
  if (!isObject(value)) return null;
  if (value.global === "torch._utils._rebuild_parameter") return tensorOf(value.arguments[0]);
  if (value.global !== "torch._utils._rebuild_tensor_v2") return null;
  const [storage, offset, shape, strides] = value.arguments as [PickledObject, number, number[], number[]];
  const [, type, key] = storage.arguments as [string, PickledObject, string];
  const read = storage.state as unknown as (name: string) => Uint8Array;
  const name = type.global.replace("torch.", "");
  const { dtype, decode } = elementTypes[name] ?? {};
  if (!dtype) throw userError(`a tensor of ${name} is none that is known`);
  return {
    dtype,
    shape,
    read() {
      if (!decode) throw userError(`a tensor of ${name} cannot be read as weights: only float32, float16 and bfloat16`);
      return gather(decode(read(`data/${key}`)), { offset, shape, strides });
    },
  };
}

function gather(
  values: Float32Array,
  { offset, shape, strides }: { offset: number; shape: readonly number[]; strides: readonly number[] },
): Float32Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  let contiguous = true;
  for (let dim = shape.length - 1, expected = 1; dim >= 0; dim--) {
    if (shape[dim] !== 1 && strides[dim] !== expected) contiguous = false;
    expected *= shape[dim]!;
  }
  if (contiguous) return values.subarray(offset, offset + size);
  const out = new Float32Array(size);
  for (let index = 0; index < size; index++) {
    let rest = index;
    let place = offset;
    for (let dim = shape.length - 1; dim >= 0; dim--) {
      place += (rest % shape[dim]!) * strides[dim]!;
      rest = Math.floor(rest / shape[dim]!);
    }
    out[index] = values[place]!;
  }
  return out;
}

function words(bytes: Uint8Array, toFloat: (word: number) => number): Float32Array {
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return Float32Array.from(source, toFloat);
}
