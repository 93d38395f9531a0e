/**
 * Encodes and decodes the JSON header of a safetensors file. Knows bytes, not files. Everything in a header is checked
 * before it is used, since the file may come from anywhere.
 */
import { shown, userError } from "./errors.ts";
import { byteLengthOf, dtypeBytes, isDtype, type TensorDescription } from "./tensor-entry.ts";

/** Longer headers are rejected, as in the reference implementation. */
export const largestHeader = 100_000_000;

/** A tensor and its byte range: `begin` inclusive, `end` exclusive, counted from the end of the header. */
type PlacedTensor = TensorDescription & { begin: number; end: number };

/** Where a header comes from: `file` is for messages, `dataLength` is the number of bytes after the header. */
export interface HeaderSource {
  file: string;
  dataLength: number;
}

/** A decoded header. `tensors` are in file order. */
export interface SafetensorsHeader {
  metadata: Record<string, string>;
  tensors: Map<string, PlacedTensor>;
}

const layoutOrder = Object.keys(dtypeBytes);

/** Sorts by element size, largest first, so that every tensor is aligned, then by name in UTF-8 order. */
const inLayoutOrder = <T extends TensorDescription & { name: string }>(tensors: readonly T[]): T[] =>
  tensors.toSorted(
    (a, b) =>
      layoutOrder.indexOf(a.dtype) - layoutOrder.indexOf(b.dtype) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );

/**
 * Encodes everything before the tensors (length and header, padded with spaces to a multiple of 8), and returns the
 * order in which the tensors must follow. The bytes are those that the Python package writes.
 * @throws Error if two tensors have the same name
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
    // Not by JSON.stringify of an object, which moves names that look like integers to the front.
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
  if (extra !== undefined) throw userError(`${where}: unknown field ${shown(extra)}`);
  if (!isDtype(dtype)) throw userError(`${where}: unknown dtype ${shown(dtype)}; known: ${layoutOrder.join(" ")}`);
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw userError(`${where}: expected shape to be a list of integers >= 0, got ${shown(shape)}`);
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || begin > end) {
    throw userError(`${where}: expected data_offsets to be [begin, end], got ${shown(offsets)}`);
  }
  const bytes = byteLengthOf({ dtype, shape });
  if (bytes !== end - begin) {
    throw userError(`${where}: ${dtype} ${shown(shape)} takes ${bytes} bytes, but its offsets span ${end - begin}`);
  }
  return { dtype, shape, begin, end };
}

/** Rejects bytes that belong to two tensors, to none, or lie outside the file. Expects tensors in file order. */
function checkLayout(tensors: Iterable<[string, PlacedTensor]>, { file, dataLength }: HeaderSource): void {
  let reached = 0;
  let before = "";
  for (const [name, { begin, end }] of tensors) {
    if (begin < reached) throw userError(`${file}: tensor ${shown(name)} overlaps tensor ${shown(before)}`);
    if (begin > reached) {
      throw userError(`${file}: ${begin - reached} bytes before tensor ${shown(name)} belong to no tensor`);
    }
    if (end > dataLength) {
      throw userError(
        `${file}: tensor ${shown(name)} ends ${end - dataLength} bytes after the end of the file: truncated?`,
      );
    }
    reached = end;
    before = name;
  }
  if (reached < dataLength) {
    throw userError(`${file}: ${dataLength - reached} bytes after the last tensor belong to no tensor`);
  }
}

/**
 * Decodes and checks a header (without its length).
 * @throws CheckpointError that names the file and the tensor
 */
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
        throw userError(`${file}: __metadata__ must contain only strings`);
      }
      metadata = value as Record<string, string>;
    } else {
      tensors.push([name, placedTensor(value, `${file}: tensor ${shown(name)}`)]);
    }
  }
  // An object's key order is not the file's: names that look like integers come first.
  tensors.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkLayout(tensors, source);
  return { metadata, tensors: new Map(tensors) };
}
