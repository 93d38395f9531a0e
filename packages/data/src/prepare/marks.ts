/**
 * A temporary file with positions inside long documents at which these can be cut without changing their ids, and how much
 * text comes before. A split may have to begin at one of them.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { appendTo, bytesOf } from "../files/append-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import type { TextCounts } from "../sidecar.ts";

/** A position inside a document: the sizes of what comes before it in that document. */
export interface Mark extends Omit<TextCounts, "documents"> {
  /** Number of the document. */
  document: number;
}

const FIELDS = 5;

/** Size of a mark in the file. */
export const MARK_BYTES = FIELDS * 8;

/** Path of the file. */
export const marksPath = (prefix: string) => `${prefix}.marks.partial`;

/** @param count number of marks to keep; whatever was written after them is discarded */
export function appendMarks(prefix: string, count = 0) {
  const file = appendTo(marksPath(prefix), count * MARK_BYTES);
  return {
    sync: file.sync,
    close: file.close,
    abandon: file.abandon,
    get count() {
      return file.length / MARK_BYTES;
    },
    add: ({ document, tokens, bytes, characters, words }: Mark) =>
      file.append(bytesOf(Float64Array.of(document, tokens, bytes, characters, words))),
  };
}

/** All marks, in order. */
export function* readMarks(prefix: string): Generator<Mark> {
  const path = marksPath(prefix);
  const descriptor = openSync(path, "r");
  try {
    const count = Math.floor(fstatSync(descriptor).size / MARK_BYTES);
    const fields = new Float64Array(FIELDS);
    for (let i = 0; i < count; i++) {
      readExactly(descriptor, bytesOf(fields), i * MARK_BYTES, path);
      const [document = 0, tokens = 0, bytes = 0, characters = 0, words = 0] = fields;
      yield { document, tokens, bytes, characters, words };
    }
  } finally {
    closeSync(descriptor);
  }
}
