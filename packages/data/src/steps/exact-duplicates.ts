/**
 * Finds documents with the same text as an earlier one, ignoring case, Unicode forms (NFKC) and white space. Keeps 128 bits
 * of a SHA-256 for each document, which takes 24 to 48 bytes of memory.
 */
import { createHash } from "node:crypto";
import { createKeySet } from "./key-set.ts";

/** Finds duplicates among documents that it is given in order. */
export interface DuplicateFinder {
  /** Whether the text duplicates an earlier one. Remembers it if not. */
  isDuplicate(text: string): boolean;
}

/** Starts without any document. */
export function createExactDuplicates(): DuplicateFinder {
  const seen = createKeySet(4);
  return { isDuplicate: (text) => !seen.add(textKey(text)) };
}

function textKey(text: string): Uint32Array {
  const normal = text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const digest = createHash("sha256").update(normal).digest();
  return Uint32Array.from({ length: 4 }, (_, i) => digest.readUInt32LE(4 * i));
}
