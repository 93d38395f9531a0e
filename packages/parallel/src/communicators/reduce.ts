/**
 * All-reduce and reduce-scatter on numbers: each rank reduces its slice of all ranks' values in rank order, so that the result
 * has the same bits on every rank, whatever order messages arrive in.
 */
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

/** Reduces this rank's slice of all ranks' values; `starts` are the slices' bounds. */
export const reduceSlice = <Values extends Reducible>(
  group: Group,
  values: Values,
  { starts, ...options }: ReduceOptions & { starts: readonly number[] },
): Values => reduceParts(group, slicesOf(values, starts), { ...options, keep: true });

/** Reduces all ranks' values in place. */
export function reduceAll(group: Group, values: Reducible, options: ReduceOptions = {}): void {
  const starts = sliceStarts(values.length, group.size);
  const slice = reduceParts(group, slicesOf(values, starts), options);
  const narrow = options.wire === "bf16" && values instanceof Float32Array;
  if (!narrow) {
    if (slice.buffer !== values.buffer) values.set(slice as Float32Array, starts[group.rank]!);
    gatherSlices(group, values, { starts });
    return;
  }
  const send = bytesOf(toBfloat16(slice as Float32Array));
  const halves = group.ranks((rank) => new Uint16Array(starts[rank + 1]! - starts[rank]!));
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

/** Reduces this rank's part of all ranks' values, which may write into that part unless it is to be kept. */
function reduceParts<Values extends Reducible>(
  group: Group,
  part: (rank: number) => Values,
  { operation = "sum", wire = "f32", keep = false }: ReduceOptions & { keep?: boolean },
): Values {
  const [first, ...others] = exchangeParts(group, part, wire) as [Values, ...Values[]];
  const result = keep && first.buffer === part(0).buffer ? (first.slice() as Values) : first;
  const reduce = operation === "sum" ? addInto : maxInto;
  for (const other of others) reduce(result, other);
  return wire === "bf16" ? rounded(result) : result;
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
  const received = group.ranks((rank) => (rank === group.rank ? own : emptyLike(own)));
  const not = (values: Values, rank: number) => (rank === group.rank ? null : bytesOf(values));
  group.exchange({ send: group.ranks((rank) => not(part(rank), rank)), receive: received.map(not) });
  return received;
}

const emptyLike = <Values extends Reducible>(values: Values): Values =>
  (values instanceof Float32Array ? new Float32Array(values.length) : new Float64Array(values.length)) as Values;

/** The bytes of a typed array, shared with it. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function rounded<Values extends Reducible>(values: Values): Values {
  if (values instanceof Float32Array) fromBfloat16(toBfloat16(values), values);
  return values;
}

function addInto(sum: Reducible, values: Reducible): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!;
}

/** NaN wins, as in a sum. */
function maxInto(highest: Reducible, values: Reducible): void {
  for (let i = 0; i < highest.length; i++) highest[i] = Math.max(highest[i]!, values[i]!);
}
