/**
 * Takes encoded tasks in order and writes the dataset: documents with their end tokens, and a record of how much text
 * each document is, from which the counts of every split are summed when the number of documents is known.
 */
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { appendTo, bytesOf } from "../indexed/append-file.ts";
import { readExactly } from "../indexed/index-file.ts";
import { createIndexedDatasetWriter, partialPaths } from "../indexed/writer.ts";
import type { TextCounts } from "../sidecar.ts";
import type { DocumentRange } from "../split.ts";
import type { EncodedTask, EncodingTask } from "./encode.ts";
import type { Journal } from "./journal.ts";

/** Tokens, bytes, characters and words of a document, as 64-bit floats. */
const RECORD = 4;
const RECORDS_AT_ONCE = 1 << 14;

export type CollectorState = Pick<Journal, "position" | "openDocument" | "emptyDocuments">;

export const countsPath = (prefix: string) => `${prefix}.counts.partial`;

/** @param options.endOfDocument the token put after every document, if any. @param options.resume a state from `sync`. */
export function createCollector(
  prefix: string,
  options: { type: "u16" | "i32"; endOfDocument: number | undefined; resume?: CollectorState },
) {
  const { type, endOfDocument, resume } = options;
  const writer = createIndexedDatasetWriter(prefix, { type, resume: resume?.position });
  const records = appendTo(countsPath(prefix), (resume?.position.documents ?? 0) * RECORD * 8);
  let open = { ...(resume?.openDocument ?? { bytes: 0, characters: 0, words: 0 }) };
  let emptyDocuments = resume?.emptyDocuments ?? 0;

  const endDocument = () => {
    if (writer.position.openTokens === 0) {
      emptyDocuments++;
    } else {
      if (endOfDocument !== undefined) writer.append([endOfDocument]);
      records.append(bytesOf(Float64Array.of(writer.position.openTokens, open.bytes, open.characters, open.words)));
      writer.endSequence();
      writer.endDocument();
    }
    open = { bytes: 0, characters: 0, words: 0 };
  };

  return {
    get documents() {
      return writer.position.documents;
    },
    get tokens() {
      return writer.position.tokens;
    },
    add(task: EncodingTask, { tokens, lengths, counts }: EncodedTask) {
      let start = 0;
      task.forEach(({ last }, i) => {
        writer.append(tokens.subarray(start, start + lengths[i]!));
        start += lengths[i]!;
        open.bytes += counts[3 * i]!;
        open.characters += counts[3 * i + 1]!;
        open.words += counts[3 * i + 2]!;
        if (last) endDocument();
      });
    },
    /** Brings everything so far to the disk. */
    sync(): CollectorState {
      records.sync();
      return { position: writer.sync(), openDocument: { ...open }, emptyDocuments };
    },
    /** Finishes the files, under their temporary names still. */
    seal() {
      records.close();
      writer.seal();
    },
    /** Closes the files and leaves them for a later run. */
    close() {
      records.close();
      writer.close();
    },
    /** Closes and removes them. */
    abort() {
      records.close();
      writer.abort();
      rmSync(countsPath(prefix), { force: true });
    },
  };
}

/** Sums the records of a run of documents. */
export function sumCounts(prefix: string, { start, end }: DocumentRange): TextCounts {
  const path = countsPath(prefix);
  const sums = { documents: end - start, tokens: 0, bytes: 0, characters: 0, words: 0 };
  const descriptor = openSync(path, "r");
  try {
    const chunk = new Float64Array(RECORDS_AT_ONCE * RECORD);
    for (let document = start; document < end; document += RECORDS_AT_ONCE) {
      const part = chunk.subarray(0, Math.min(RECORDS_AT_ONCE, end - document) * RECORD);
      readExactly(descriptor, bytesOf(part), document * RECORD * 8, path);
      for (let i = 0; i < part.length; i += RECORD) {
        sums.tokens += part[i]!;
        sums.bytes += part[i + 1]!;
        sums.characters += part[i + 2]!;
        sums.words += part[i + 3]!;
      }
    }
    return sums;
  } finally {
    closeSync(descriptor);
  }
}

/** Whether the files of an interrupted run hold at least what its journal says. */
export function holdsState(prefix: string, { position }: CollectorState, bytesPerToken: number): boolean {
  const { bin, lengths, boundaries } = partialPaths(prefix);
  const expected: [string, number][] = [
    [bin, position.tokens * bytesPerToken],
    [lengths, position.sequences * 4],
    [boundaries, (position.documents + 1) * 8],
    [countsPath(prefix), position.documents * RECORD * 8],
  ];
  return expected.every(([path, bytes]) => sizeOf(path) >= bytes);
}

function sizeOf(path: string): number {
  try {
    const descriptor = openSync(path, "r");
    try {
      return fstatSync(descriptor).size;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return -1;
  }
}
