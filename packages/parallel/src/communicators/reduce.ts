/**
 * All-reduce and reduce-scatter on numbers: each rank reduces its slice of all ranks' values in rank order, so that the result
 * has the same bits on every rank, whatever order messages arrive in.
 */
import { addFloat32 } from "./add.ts";
import { fromBfloat16, toBfloat16 } from "./bfloat16.ts";
import type { Group } from "./group.ts";
import type { ExchangeOptions } from "./transport.ts";

/** What to do with the values of all ranks. */
export type Operation = "sum" | "max";

/** How values travel. Sums are taken in f32 whatever the wire. */
export type Wire = "f32" | "bf16";

/** Numbers that can be reduced. */
export type Reducible = Float32Array | Float64Array;

/** Options of a reduction. */
export interface ReduceOptions {
  /** Default: "sum". */
  operation?: Operation;
  /** "bf16" rounds float32 values to bfloat16 before they are sent, and the result too. Default: "f32". */
  wire?: Wire;
}

/** The first index of each rank's slice of `length` values, and `length` at the end. */
const sliceStarts = (length: number, size: number): number[] =>
  Array.from({ length: size + 1 }, (_, rank) => Math.floor((length * rank) / size));

/** The view of `values` that is each rank's slice. */
const slicesOf =
  <Values extends Reducible>(values: Values, starts: readonly number[]) =>
  (rank: number): Values =>
    values.subarray(starts[rank]!, starts[rank + 1]!) as Values;

/** Values of a slice that travel at a time: they, and what other ranks send, stay in the caches of a core. */
const PIECE = 128 * 1024;

/** Reduces this rank's slice of all ranks' values; `starts` are the slices' bounds. */
export function reduceSlice<Values extends Reducible>(
  group: Group,
  values: Values,
  { starts, ...options }: ReduceOptions & { starts: readonly number[] },
): Values {
  const part = slicesOf(values, starts);
  const result = emptyLike(part(group.rank));
  const longest = Math.max(...group.ranks((rank) => part(rank).length));
  for (let start = 0; start < longest; start += PIECE) {
    const piece = (slice: Values) => slice.subarray(start, start + PIECE) as Values;
    reduceParts(group, (rank) => piece(part(rank)), { ...options, into: piece(result) });
  }
  return result;
}

/** Reduces all ranks' values in place. */
export function reduceAll(group: Group, values: Reducible, options: ReduceOptions = {}): void {
  const length = group.size * PIECE;
  for (let start = 0; start < values.length; start += length) {
    reducePiece(group, values.subarray(start, start + length), options);
  }
}

function reducePiece(group: Group, values: Reducible, options: ReduceOptions): void {
  const starts = sliceStarts(values.length, group.size);
  const part = slicesOf(values, starts);
  const own = part(group.rank);
  const slice = inboxOf(group.rank, own);
  reduceParts(group, part, { ...options, into: slice });
  if (options.wire !== "bf16" || !(slice instanceof Float32Array)) {
    own.set(slice);
    gatherSlices(group, values, { starts });
    return;
  }
  const send = bytesOf(toBfloat16(slice));
  const halves = group.ranks((rank) => new Uint16Array(part(rank).length));
  group.exchange({ send: group.ranks(() => send), receive: halves.map(bytesOf) });
  halves.forEach((half, rank) => {
    fromBfloat16(half, values as Float32Array, starts[rank]);
  });
}

/** Fills in the other ranks' slices, in place. */
export function gatherSlices(
  group: Group,
  values: Reducible,
  { starts, patience }: ExchangeOptions & { starts: readonly number[] },
): void {
  const parts = group.ranks((rank) => bytesOf(values.subarray(starts[rank]!, starts[rank + 1]!)));
  const own = parts[group.rank]!;
  const send = group.ranks((rank) => (rank === group.rank ? null : own));
  const receive = parts.map((part, rank) => (rank === group.rank ? null : part));
  group.exchange({ send, receive }, { patience });
}

/** Reduces this rank's part of all ranks' values `into` other memory. */
function reduceParts<Values extends Reducible>(
  group: Group,
  part: (rank: number) => Values,
  { operation = "sum", wire = "f32", into }: ReduceOptions & { into: Values },
): void {
  const [first, ...others] = exchangeParts(group, part, wire) as [Values, ...Values[]];
  into.set(first as Float32Array);
  const reduce = operation === "sum" ? addInto : maxInto;
  for (const other of others) reduce(into, other);
  if (wire === "bf16" && into instanceof Float32Array) fromBfloat16(toBfloat16(into), into);
}

/** Every rank's values for this rank's slice, in rank order. */
function exchangeParts<Values extends Reducible>(group: Group, part: (rank: number) => Values, wire: Wire): Values[] {
  const own = part(group.rank);
  const { length } = own;
  if (wire === "bf16" && own instanceof Float32Array) {
    const halves = group.ranks(() => new Uint16Array(length));
    group.exchange({
      send: group.ranks((rank) => bytesOf(toBfloat16(part(rank) as Float32Array))),
      receive: halves.map(bytesOf),
    });
    return halves.map((half) => {
      const wide = new Float32Array(length);
      fromBfloat16(half, wide);
      return wide as Values;
    });
  }
  const received = group.ranks((rank) => (rank === group.rank ? own : inboxOf(rank, own)));
  const not = (values: Values, rank: number) => (rank === group.rank ? null : bytesOf(values));
  group.exchange({ send: group.ranks((rank) => not(part(rank), rank)), receive: received.map(not) });
  return received;
}

const emptyLike = <Values extends Reducible>(values: Values): Values =>
  (values instanceof Float32Array ? new Float32Array(values.length) : new Float64Array(values.length)) as Values;

/** Memory for what each rank sends, used again for every piece: new memory takes as long to clear as its sum. */
const inbox: Float32Array[] = [];

function inboxOf<Values extends Reducible>(rank: number, like: Values): Values {
  if (!(like instanceof Float32Array)) return emptyLike(like);
  inbox[rank] ??= new Float32Array(PIECE);
  return inbox[rank].subarray(0, like.length) as Values;
}

/** The bytes of a typed array, shared with it. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function addInto(sum: Reducible, values: Reducible): void {
  if (sum instanceof Float32Array) addFloat32(sum, values as Float32Array);
  else for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!;
}

/** NaN wins, as in a sum. */
function maxInto(highest: Reducible, values: Reducible): void {
  for (let i = 0; i < highest.length; i++) highest[i] = Math.max(highest[i]!, values[i]!);
}
