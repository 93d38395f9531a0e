/**
 * Finds documents whose text is that of an earlier one, but for case, Unicode forms (NFKC) and white space. Keeps 128 bits of
 * a SHA-256 per document: 24 to 48 bytes of memory.
 */
import { createHash } from "node:crypto";
import { createKeySet } from "./key-set.ts";

export interface DuplicateFinder {
  /** Whether an earlier document is the same, or near to it. Remembers the ones that are new. */
  isDuplicate(text: string): boolean;
}

export function createExactDuplicates(): DuplicateFinder {
  const seen = createKeySet(4);
  return { isDuplicate: (text) => !seen.add(textKey(text)) };
}

function textKey(text: string): Uint32Array {
  const normal = text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const digest = createHash("sha256").update(normal).digest();
  return Uint32Array.from({ length: 4 }, (_, i) => digest.readUInt32LE(4 * i));
}
