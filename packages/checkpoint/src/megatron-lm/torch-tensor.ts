/**
 * Tensors as torch.save describes them: a storage, an offset, a shape and strides. Every description is checked against its
 * storage before anything is read. Knows no files.
 */
import { userError } from "../errors.ts";
import { bfloat16ToFloat, halfToFloat } from "../narrow-floats.ts";
import { type Dtype, dtypeBytes, elementCount } from "../tensor-entry.ts";
import { isObject, type Pickled, type PickledObject } from "./pickle.ts";

/** A tensor in a file. */
export interface TorchTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Its values in row-major order, whatever its strides. Throws a CheckpointError unless they are floats. */
  read(): Float32Array;
}

/** Bytes of storages by key. */
export interface StorageReader {
  /** Size of a storage in bytes. Throws a CheckpointError if it is missing. */
  size(key: string): number;
  read(key: string, from: number, to: number): Uint8Array;
}

/** A pickled value and the storages of the tensors in it. */
export interface TorchContent {
  readonly root: Pickled;
  readonly storages: StorageReader;
}

/** Element types by the name of their storage. */
export const STORAGES: Readonly<Record<string, Dtype>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.ByteStorage": "U8",
  "torch.CharStorage": "I8",
  "torch.ShortStorage": "I16",
  "torch.IntStorage": "I32",
  "torch.LongStorage": "I64",
  "torch.BoolStorage": "BOOL",
  "torch.Float8_e4m3fnStorage": "F8_E4M3",
  "torch.Float8_e5m2Storage": "F8_E5M2",
  "torch.Float8_e8m0fnuStorage": "F8_E8M0",
};

/** Names that may appear in pickles for the sake of tensors. */
export const TENSOR_GLOBALS: readonly string[] = [
  ...Object.keys(STORAGES),
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_tensor_v3",
  "torch._utils._rebuild_tensor",
  "torch._utils._rebuild_parameter",
  "torch._tensor._rebuild_from_type_v2",
  "torch.nn.parameter.Parameter",
  "torch.Tensor",
  "torch.Size",
  "torch.storage.UntypedStorage",
];

/** The type of {@link TorchTensor} that a torch.dtype names, such as `torch.bfloat16`. */
export const TORCH_DTYPES: Readonly<Record<string, Dtype>> = {
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.float64": "F64",
  "torch.uint8": "U8",
  "torch.int8": "I8",
  "torch.int16": "I16",
  "torch.int32": "I32",
  "torch.int64": "I64",
  "torch.bool": "BOOL",
  "torch.float8_e4m3fn": "F8_E4M3",
  "torch.float8_e5m2": "F8_E5M2",
  "torch.float8_e8m0fnu": "F8_E8M0",
};

const decoders: Partial<Record<Dtype, (bytes: Uint8Array) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  F16: (bytes) => Float32Array.from(wordsOf(bytes), halfToFloat),
  BF16: (bytes) => Float32Array.from(wordsOf(bytes), bfloat16ToFloat),
};

function wordsOf(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** Whether a pickled value describes a tensor. */
export function isTensor(value: Pickled | undefined): boolean {
  return (
    isObject(value) &&
    /^torch\._(utils\._rebuild_(tensor(_v[23])?|parameter)|tensor\._rebuild_from_type_v2)$/.test(value.global)
  );
}

/**
 * The tensor that a pickled value describes.
 * @throws CheckpointError if it describes none, or one that reaches beyond its storage
 */
export function tensorOf(
  value: Pickled | undefined,
  { storages, source }: { storages: StorageReader; source: string },
): TorchTensor {
  const fail = (reason: string) => userError(`${source}: ${reason}`);
  if (!isObject(value)) throw fail("not a tensor");
  if (value.global === "torch._utils._rebuild_parameter") return tensorOf(value.arguments[0], { storages, source });
  if (value.global === "torch._tensor._rebuild_from_type_v2") {
    const [, , parts] = value.arguments;
    const inner = { ...value, global: "torch._utils._rebuild_tensor_v2", arguments: Array.isArray(parts) ? parts : [] };
    return tensorOf(inner, { storages, source });
  }
  const [storage, offset, pickledShape, strides] = value.arguments;
  const shape = sizeOf(pickledShape);
  if (
    !isObject(storage) ||
    !isCounts([offset]) ||
    !isCounts(shape) ||
    !isCounts(strides) ||
    strides.length !== shape.length
  ) {
    throw fail("a tensor without a storage, a shape and strides");
  }
  const [, type, key, , numel, view] = storage.arguments;
  const untyped = isObject(type) && type.global === "torch.storage.UntypedStorage";
  const named = untyped ? value.arguments[6] : type;
  const dtype = isObject(named) ? (STORAGES[named.global] ?? TORCH_DTYPES[named.global]) : undefined;
  if (!isObject(type) || typeof key !== "string" || !isCounts([numel]))
    throw fail("a storage without a type, a key and a size");
  if (!dtype) throw fail(`unknown element type ${isObject(named) ? named.global : "without a name"}`);
  // Before PyTorch 1.6 a storage could be a view of another one: its key, an offset and a size.
  const viewOffset = Array.isArray(view) ? view[1] : 0;
  if (!isCounts([viewOffset])) throw fail("a view without an offset");
  const first = (offset as number) + (viewOffset as number);
  const count = elementCount(shape);
  const extent = count === 0 ? 0 : shape.reduce((last, size, dimension) => last + (size - 1) * strides[dimension]!, 1);
  const bytes = dtypeBytes[dtype];
  const declared = untyped ? Math.floor((numel as number) / bytes) : (numel as number);
  const available = Math.min(declared, Math.floor(storages.size(key) / bytes));
  // More elements than the storage has would be an expanded view, which no weight is.
  if (count > available || first + extent > available) {
    throw fail(`a tensor [${shape}] at ${first} reaches beyond its storage of ${available} elements`);
  }
  return {
    dtype,
    shape,
    read() {
      const decode = decoders[dtype];
      if (!decode) throw fail(`weights must be float32, float16 or bfloat16, got ${dtype}`);
      const values = decode(storages.read(key, first * bytes, (first + extent) * bytes));
      return isContiguous(shape, strides) ? values : gather(values, { shape, strides });
    },
  };
}

/** The stand-in for a storage that a pickle refers to. */
export function referToStorage(id: Pickled): PickledObject {
  return { global: "torch.storage", arguments: Array.isArray(id) ? id : [], items: null, state: null };
}

/** A shape: a list, or a torch.Size. */
export function sizeOf(value: Pickled | undefined): Pickled | undefined {
  return isObject(value) && value.global === "torch.Size" ? value.arguments[0] : value;
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  for (let dimension = shape.length - 1, expected = 1; dimension >= 0; dimension--) {
    if (shape[dimension] !== 1 && strides[dimension] !== expected) return false;
    expected *= shape[dimension]!;
  }
  return true;
}

function gather(values: Float32Array, { shape, strides }: { shape: readonly number[]; strides: readonly number[] }) {
  const out = new Float32Array(elementCount(shape));
  for (let index = 0; index < out.length; index++) {
    let rest = index;
    let position = 0;
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      position += (rest % shape[dimension]!) * strides[dimension]!;
      rest = Math.floor(rest / shape[dimension]!);
    }
    out[index] = values[position]!;
  }
  return out;
}
