/**
 * A temporary file with the text size and language of every document, from which the counts of each split are summed once the
 * number of documents is known.
 */
import { closeSync, openSync } from "node:fs";
import { appendTo, bytesOf } from "../files/append-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import type { TextCounts } from "../sidecar.ts";
import type { DocumentRange } from "../split.ts";

/** Sizes of a document, and the code of its language where it was identified. */
export interface DocumentRecord extends Omit<TextCounts, "documents"> {
  language: string | undefined;
}

/** Tokens, bytes, characters, words and language of a document, as 64-bit floats. */
const FIELDS = 5;
const RECORDS_AT_ONCE = 1 << 14;

/** Size of a record. */
export const RECORD_BYTES = FIELDS * 8;

/** Path of the file. */
export const recordsPath = (prefix: string) => `${prefix}.counts.partial`;

/** @param documents number of records to keep; whatever was written after them is discarded */
export function appendRecords(prefix: string, documents = 0) {
  const file = appendTo(recordsPath(prefix), documents * RECORD_BYTES);
  return {
    sync: file.sync,
    close: file.close,
    abandon: file.abandon,
    add: ({ tokens, bytes, characters, words, language }: DocumentRecord) =>
      file.append(bytesOf(Float64Array.of(tokens, bytes, characters, words, toNumber(language)))),
  };
}

/** The records of a range of documents, in order. */
export function* readRecords(prefix: string, { start, end }: DocumentRange): Generator<DocumentRecord> {
  const path = recordsPath(prefix);
  const descriptor = openSync(path, "r");
  try {
    const chunk = new Float64Array(RECORDS_AT_ONCE * FIELDS);
    for (let document = start; document < end; document += RECORDS_AT_ONCE) {
      const part = chunk.subarray(0, Math.min(RECORDS_AT_ONCE, end - document) * FIELDS);
      readExactly(descriptor, bytesOf(part), document * RECORD_BYTES, path);
      for (let i = 0; i < part.length; i += FIELDS) {
        const [tokens = 0, bytes = 0, characters = 0, words = 0, language = 0] = part.subarray(i, i + FIELDS);
        yield { tokens, bytes, characters, words, language: toCode(language) };
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Sums the records by language, in the order of the codes; undefined where languages were not identified.
 * @param options.cutDocuments documents that count as one more for each time they are listed
 */
export function sumByLanguage(
  prefix: string,
  { documents, cutDocuments }: { documents: number; cutDocuments: readonly number[] },
): Record<string, TextCounts> | undefined {
  const sums = new Map<string, TextCounts>();
  let document = 0;
  for (const { language, tokens, bytes, characters, words } of readRecords(prefix, { start: 0, end: documents })) {
    if (language === undefined) return undefined;
    const sum = sums.get(language) ?? { documents: 0, tokens: 0, bytes: 0, characters: 0, words: 0 };
    sum.documents += 1 + cutDocuments.filter((cut) => cut === document).length;
    sum.tokens += tokens;
    sum.bytes += bytes;
    sum.characters += characters;
    sum.words += words;
    sums.set(language, sum);
    document++;
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A code of up to six ASCII letters as a number; 0 for none. */
const toNumber = (code = "") => [...code].reduce((sum, letter) => sum * 256 + letter.charCodeAt(0), 0);

function toCode(number: number): string | undefined {
  let code = "";
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) code = String.fromCharCode(rest % 256) + code;
  return code || undefined;
}
