/**
 * The JSON header of a safetensors file, both ways. Knows bytes, not files. Everything a header says is checked before
 * it is used: the file may come from anywhere.
 */
import { userError } from "./errors.ts";
import { byteLengthOf, dtypeBytes, isDtype, type TensorDescription } from "./tensor-entry.ts";

/** The reference implementation refuses longer headers, and so do we. */
export const largestHeader = 100_000_000;

/** Where a tensor's bytes lie: from `begin` up to `end`, counted from the first byte after the header. */
export type PlacedTensor = TensorDescription & { begin: number; end: number };

/** `file` is for messages; `dataLength` counts the bytes that follow the header in the file. */
export interface HeaderSource {
  file: string;
  dataLength: number;
}

/** `tensors` are in the order in which they lie in the file. */
export interface SafetensorsHeader {
  metadata: Record<string, string>;
  tensors: Map<string, PlacedTensor>;
}

const layoutOrder = Object.keys(dtypeBytes);

/** Largest elements first, so that every tensor is aligned to its element, then by name in UTF-8 order. */
const inLayoutOrder = <T extends TensorDescription & { name: string }>(tensors: readonly T[]): T[] =>
  tensors.toSorted(
    (a, b) =>
      layoutOrder.indexOf(a.dtype) - layoutOrder.indexOf(b.dtype) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );

/**
 * The bytes before the tensors (length and header, padded with spaces to a multiple of 8) and the order in which the
 * tensors follow. Byte for byte what the Python package writes.
 */
export function encodeHeader<T extends TensorDescription & { name: string }>(
  tensors: readonly T[],
  metadata: Record<string, string>,
): { bytes: Uint8Array; order: T[] } {
  const order = inLayoutOrder(tensors);
  const names = new Set(["__metadata__"]);
  const members: string[] = [];
  const metadataKeys = Object.keys(metadata).toSorted();
  if (metadataKeys.length > 0) {
    const pairs = metadataKeys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    members.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let begin = 0;
  for (const tensor of order) {
    if (names.has(tensor.name)) throw new Error(`two tensors are named ${JSON.stringify(tensor.name)}`);
    names.add(tensor.name);
    const end = begin + byteLengthOf(tensor);
    // By hand: an object would move names that look like numbers to its front.
    const shape = `[${tensor.shape.join(",")}]`;
    members.push(
      `${JSON.stringify(tensor.name)}:{"dtype":"${tensor.dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const text = Buffer.from(`{${members.join(",")}}`);
  const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  text.copy(bytes, 8);
  return { bytes, order };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function placedTensor(value: unknown, where: string): PlacedTensor {
  if (!isObject(value)) throw userError(`${where}: expected an object with dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets, ...unknown } = value;
  const extra = Object.keys(unknown)[0];
  if (extra !== undefined) throw userError(`${where}: unknown field ${JSON.stringify(extra)}`);
  if (!isDtype(dtype))
    throw userError(`${where}: unknown dtype ${JSON.stringify(dtype)}; known: ${layoutOrder.join(" ")}`);
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw userError(`${where}: shape must be a list of whole numbers, but is ${JSON.stringify(shape)}`);
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || begin > end) {
    throw userError(`${where}: data_offsets must be [begin, end], but is ${JSON.stringify(offsets)}`);
  }
  const bytes = byteLengthOf({ dtype, shape });
  if (bytes !== end - begin) {
    throw userError(
      `${where}: ${dtype} [${shape.join(", ")}] takes ${bytes} bytes, but its offsets span ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

/** Refuses bytes that belong to two tensors, to none, or lie outside of the file. Takes tensors in file order. */
function checkLayout(tensors: Iterable<[string, PlacedTensor]>, { file, dataLength }: HeaderSource): void {
  let reached = 0;
  let before = "";
  for (const [name, { begin, end }] of tensors) {
    if (begin < reached)
      throw userError(`${file}: tensor ${JSON.stringify(name)} overlaps tensor ${JSON.stringify(before)}`);
    if (begin > reached) {
      throw userError(`${file}: ${begin - reached} bytes before tensor ${JSON.stringify(name)} belong to no tensor`);
    }
    if (end > dataLength) {
      throw userError(
        `${file}: tensor ${JSON.stringify(name)} ends ${end - dataLength} bytes after the end of the file: truncated?`,
      );
    }
    reached = end;
    before = name;
  }
  if (reached < dataLength) {
    throw userError(`${file}: ${dataLength - reached} bytes after the last tensor belong to no tensor`);
  }
}

/** Reads and checks a header (without its length). */
export function decodeHeader(bytes: Uint8Array, source: HeaderSource): SafetensorsHeader {
  const { file } = source;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw userError(`${file}: damaged, or not a safetensors file: its header is not JSON`);
  }
  if (!isObject(json)) throw userError(`${file}: not a safetensors file: its header is not a JSON object`);
  const tensors: [string, PlacedTensor][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (!isObject(value) || !Object.values(value).every((text) => typeof text === "string")) {
        throw userError(`${file}: __metadata__ must hold text only`);
      }
      metadata = value as Record<string, string>;
    } else {
      tensors.push([name, placedTensor(value, `${file}: tensor ${JSON.stringify(name)}`)]);
    }
  }
  // An object's own order is not the file's: names that look like numbers come first in it.
  tensors.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkLayout(tensors, source);
  return { metadata, tensors: new Map(tensors) };
}
