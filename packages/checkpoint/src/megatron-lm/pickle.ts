/**
 * Reads Python pickles as inert data: dictionaries, lists, numbers, strings and descriptions of tensors. A pickle names the
 * functions that rebuild its objects; here a name is only data, and one that is not on the list is rejected. Opcodes are
 * those of Python's pickletools, protocols 0 to 5 as torch.save writes them.
 */
import { CheckpointError, shown, userError } from "../errors.ts";

/** An object, kept as the name of its class and its parts. */
export interface PickledObject {
  /** `module.name` of its class, or of the function that makes it. */
  readonly global: string;
  readonly arguments: readonly Pickled[];
  /** Items of an object that is a dictionary, such as an OrderedDict. */
  items: Map<Pickled, Pickled> | null;
  /** Attributes. */
  state: Pickled;
}

/** A value in a pickle. Tuples and sets are lists. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | PickledObject;

/** A value in a message: a name or a number as it is, of anything else what kind of value it is. */
export function textOf(value: Pickled): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a dictionary";
  if (value instanceof Uint8Array) return "bytes";
  return typeof value === "object" && value !== null ? value.global : String(value);
}

/** What a pickle may contain. */
export interface PickleOptions {
  /** Names that may appear, as `module.name`; a `*` at the end allows a prefix. */
  allowed: readonly string[];
  /** Replaces references to something outside the pickle, such as a tensor's storage. */
  persistent?: (id: Pickled) => Pickled;
  /** The file, for messages. */
  source: string;
}

/** Longest pickle, in bytes. Those of real checkpoints take a few MB. */
export const LONGEST_PICKLE = 2 ** 30;

/** Longest integer, in bytes. Checkpoints have none beyond 16. */
const LONGEST_INTEGER = 1024;

const TRUNCATED = Symbol("truncated");

/** Whether {@link readPickle} failed only because the bytes end before the pickle does. */
export function isTruncated(error: unknown): boolean {
  return error instanceof CheckpointError && error.cause === TRUNCATED;
}

const MARK = Symbol("mark");
type Slot = Pickled | typeof MARK;

/** Whether a value is an object rather than a plain value. */
export function isObject(value: Pickled | undefined): value is PickledObject {
  return typeof value === "object" && value !== null && "global" in value;
}

/** The entries of a dictionary, or the attributes of an object that is none. */
export function itemsOf(value: Pickled | undefined): Map<Pickled, Pickled> | null {
  if (value instanceof Map) return value;
  if (!isObject(value)) return null;
  return value.items ?? (value.state instanceof Map ? value.state : null);
}

/**
 * Reads the first pickle in `bytes`; `length` is where it ends.
 * @throws CheckpointError for a name that is not allowed, and for bytes that are not a pickle
 */
export function readPickle(
  bytes: Uint8Array,
  { allowed, persistent, source }: PickleOptions,
): { value: Pickled; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const stack: Slot[] = [];
  const memo = new Map<number, Pickled>();
  let at = 0;

  const broken = (what: string, cause?: symbol) =>
    new CheckpointError(`${source}: not a readable pickle (${what} at byte ${at})`, { userError: true, cause });
  function need(count: number) {
    if (count < 0 || !Number.isSafeInteger(count)) throw broken(`a length of ${count}`);
    if (at + count > bytes.length) throw broken("truncated", TRUNCATED);
    at += count;
    return at - count;
  }
  const take = (count: number) => bytes.subarray(need(count), at);
  const u8 = () => view.getUint8(need(1));
  const u16 = () => view.getUint16(need(2), true);
  const u32 = () => view.getUint32(need(4), true);
  const i32 = () => view.getInt32(need(4), true);
  const u64 = () => Number(view.getBigUint64(need(8), true));
  function line() {
    const end = bytes.indexOf(10, at);
    if (end < 0) throw broken("unterminated line", TRUNCATED);
    return text.decode(take(end + 1 - at).subarray(0, -1));
  }
  function pop(): Pickled {
    const value = stack.pop();
    if (value === undefined || value === MARK) throw broken("empty stack");
    return value;
  }
  function popToMark(): Pickled[] {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) throw broken("missing mark");
    const values = stack.splice(mark + 1) as Pickled[];
    stack.pop();
    return values;
  }
  function top(): Pickled {
    const value = stack.at(-1);
    if (value === undefined || value === MARK) throw broken("empty stack");
    return value;
  }
  const put = (index: number) => memo.set(index, top());
  function get(index: number) {
    if (!memo.has(index)) throw broken(`undefined memo ${index}`);
    stack.push(memo.get(index)!);
  }
  function named(global: string): PickledObject {
    const known = allowed.some((name) => (name.endsWith("*") ? global.startsWith(name.slice(0, -1)) : name === global));
    if (!known)
      throw userError(
        `${source}: rejected: it contains ${shown(global).slice(1, -1)}, and only tensors, dictionaries and numbers are read`,
      );
    return { global, arguments: [], items: null, state: null };
  }
  function integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER) throw broken(`an integer of ${length} bytes`);
    const digits = take(length);
    if (length === 0) return 0;
    const value = BigInt.asIntN(8 * length, BigInt(`0x${Buffer.from(digits).reverse().toString("hex")}`));
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
  function dictionary() {
    const found = top();
    if (found instanceof Map) return found;
    if (isObject(found)) {
      found.items ??= new Map();
      return found.items;
    }
    throw broken("items for something that is not a dictionary");
  }
  function setItems(pairs: Pickled[]) {
    const items = dictionary();
    for (let i = 0; i + 1 < pairs.length; i += 2) items.set(pairs[i]!, pairs[i + 1]!);
  }
  function append(values: Pickled[]) {
    const list = top();
    if (!Array.isArray(list)) {
      if (!isObject(list)) throw broken("elements for something that is not a list");
      return;
    }
    for (const value of values) list.push(value);
  }
  function call(parts: Pickled) {
    const callee = pop();
    if (!isObject(callee)) throw broken("a call of something without a name");
    stack.push({ global: callee.global, arguments: Array.isArray(parts) ? parts : [], items: null, state: null });
  }
  function build() {
    const state = pop();
    const object = top();
    if (isObject(object)) object.state = state;
  }

  const opcodes: Record<number, () => void> = {
    128: () => u8(), // PROTO
    149: () => u64(), // FRAME
    40: () => stack.push(MARK), // (
    48: () => stack.pop(), // 0 POP
    49: () => popToMark(), // 1 POP_MARK
    50: () => stack.push(top()), // 2 DUP
    78: () => stack.push(null), // N
    136: () => stack.push(true),
    137: () => stack.push(false),
    74: () => stack.push(i32()), // J
    75: () => stack.push(u8()), // K
    77: () => stack.push(u16()), // M
    138: () => stack.push(integer(u8())), // LONG1
    139: () => stack.push(integer(i32())), // LONG4
    71: () => stack.push(view.getFloat64(need(8), false)), // G
    88: () => stack.push(text.decode(take(u32()))), // X
    140: () => stack.push(text.decode(take(u8()))), // SHORT_BINUNICODE
    141: () => stack.push(text.decode(take(u64()))), // BINUNICODE8
    84: () => stack.push(text.decode(take(i32()))), // T
    85: () => stack.push(text.decode(take(u8()))), // U
    66: () => stack.push(take(u32())), // B
    67: () => stack.push(take(u8())), // C
    142: () => stack.push(take(u64())), // BINBYTES8
    125: () => stack.push(new Map()), // }
    93: () => stack.push([]), // ]
    41: () => stack.push([]), // )
    143: () => stack.push([]), // EMPTY_SET
    116: () => stack.push(popToMark()), // t
    108: () => stack.push(popToMark()), // l
    145: () => stack.push(popToMark()), // FROZENSET
    133: () => stack.push([pop()]),
    134: () => stack.push([pop(), pop()].reverse()),
    135: () => stack.push([pop(), pop(), pop()].reverse()),
    100: () => {
      const pairs = popToMark(); // d
      stack.push(new Map());
      setItems(pairs);
    },
    97: () => append([pop()]), // a
    101: () => append(popToMark()), // e
    144: () => append(popToMark()), // ADDITEMS
    115: () => setItems([pop(), pop()].reverse()), // s
    117: () => setItems(popToMark()), // u
    113: () => put(u8()), // q
    114: () => put(u32()), // r
    148: () => put(memo.size),
    104: () => get(u8()), // h
    106: () => get(u32()), // j
    99: () => stack.push(named(`${line()}.${line()}`)), // c
    147: () => {
      const [module, name] = [pop(), pop()].reverse();
      if (typeof module !== "string" || typeof name !== "string") throw broken("a name that is not text");
      stack.push(named(`${module}.${name}`));
    },
    82: () => call(pop()), // R
    129: () => call(pop()), // NEWOBJ
    146: () => {
      pop(); // keyword arguments of NEWOBJ_EX
      call(pop());
    },
    98: build, // b
    81: () => {
      if (!persistent) throw broken("a reference to something outside the pickle");
      stack.push(persistent(pop())); // Q
    },
  };

  while (true) {
    const opcode = u8();
    if (opcode === 0x2e) return { value: pop(), length: at };
    const run = opcodes[opcode];
    if (!run) throw broken(`unknown opcode 0x${opcode.toString(16)}`);
    run();
  }
}
