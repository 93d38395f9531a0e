/**
 * The format of torch.save before PyTorch 1.6, which Megatron-LM's first checkpoints have: pickles of a magic number, a
 * version, the system, the object and the keys of its storages, then each storage as its number of elements and its bytes.
 */
import { shown, userError } from "../errors.ts";
import { type OpenFile, readExactly } from "../read-exactly.ts";
import { dtypeBytes } from "../tensor-entry.ts";
import { isObject, isTruncated, itemsOf, LONGEST_PICKLE, type Pickled, readPickle, textOf } from "./pickle.ts";
import { referToStorage, STORAGES, type TorchContent } from "./torch-tensor.ts";

/** The pickled magic number with which such files begin: 0x1950a86a20f9469cfc6c. */
const MAGIC = Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex");

/** Whether a file has this format. */
export function isLegacyFile(file: OpenFile, size: number): boolean {
  return size > MAGIC.length && MAGIC.equals(readExactly(file, 0, MAGIC.length));
}

const FIRST_WINDOW = 2 ** 16;

/**
 * Reads the description in a file of this format.
 * @throws CheckpointError if it is damaged, or names what is not allowed
 */
export function openLegacyFile(
  file: OpenFile,
  { size, allowed }: { size: number; allowed: readonly string[] },
): TorchContent {
  const fail = (reason: string) => userError(`${file.path}: ${reason}`);
  const elementBytes = new Map<string, number>();

  function persistent(id: Pickled): Pickled {
    const reference = referToStorage(id);
    const [, type, key] = reference.arguments;
    const dtype = isObject(type) ? STORAGES[type.global] : undefined;
    if (typeof key !== "string" || !dtype) throw fail("a storage without a known type and a key");
    elementBytes.set(key, dtypeBytes[dtype]);
    return reference;
  }

  let at = 0;
  /** The next pickle, whose length is known only when it has been read. */
  function next(): Pickled {
    for (let window = FIRST_WINDOW; ; window *= 2) {
      const length = Math.min(window, size - at, LONGEST_PICKLE);
      try {
        const read = readPickle(readExactly(file, at, length), { allowed, source: file.path, persistent });
        at += read.length;
        return read.value;
      } catch (error) {
        if (!isTruncated(error) || length < window) throw error;
      }
    }
  }

  next();
  const version = next();
  if (version !== 1001) throw fail(`its version of torch.save's format is ${textOf(version)}, expected 1001`);
  if (itemsOf(next())?.get("little_endian") !== true) throw fail("it was not written on a little-endian machine");
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail("the list of its storages is missing");

  const positions = new Map<string, { start: number; bytes: number }>();
  for (const key of keys) {
    const unit = typeof key === "string" ? elementBytes.get(key) : undefined;
    if (typeof key !== "string" || unit === undefined) throw fail("a storage that no tensor uses");
    const count = Number(new DataView(readExactly(file, at, 8).buffer).getBigInt64(0, true));
    const bytes = count * unit;
    if (count < 0 || at + 8 + bytes > size) throw fail(`storage ${shown(key)} is truncated`);
    positions.set(key, { start: at + 8, bytes });
    at += 8 + bytes;
  }
  function find(key: string) {
    const found = positions.get(key);
    if (!found) throw fail(`storage ${shown(key)} is missing`);
    return found;
  }
  return {
    root,
    storages: {
      size: (key) => find(key).bytes,
      read: (key, from, to) => readExactly(file, find(key).start + from, to - from),
    },
  };
}
