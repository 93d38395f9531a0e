/**
 * Writes encoded tasks, in order, to the dataset: documents with their end tokens, each as one sequence or as several
 * (sentences, or the sides of a pair), and a record with the size of each document's text.
 */
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { createIndexedDatasetWriter, partialPaths, type WriterPosition } from "../indexed/writer.ts";
import type { EncodedTask, EncodingTask } from "./encode.ts";
import { appendMarks, MARK_BYTES, marksPath } from "./marks.ts";
import { appendRecords, type DocumentRecord, RECORD_BYTES, recordsPath } from "./records.ts";

/** What was written so far: enough to resume after an interruption. */
export interface CollectorState {
  position: WriterPosition;
  /** Sizes of the document that is not complete yet. */
  openDocument: Omit<DocumentRecord, "language">;
  emptyDocuments: number;
  /** Marks inside documents. */
  marks: number;
}

/** An open dataset that encoded tasks are added to. */
export type Collector = ReturnType<typeof createCollector>;

/**
 * @param options.endOfDocument token to append to every document, if any
 * @param options.level what a sequence is
 * @param options.resume a state from `sync`
 */
export function createCollector(
  prefix: string,
  options: {
    type: "u16" | "i32";
    endOfDocument: number | undefined;
    level: "document" | "sentence" | "pair";
    resume?: CollectorState;
  },
) {
  const { type, endOfDocument, level, resume } = options;
  const writer = createIndexedDatasetWriter(prefix, { type, resume: resume?.position });
  const records = appendRecords(prefix, resume?.position.documents);
  const marks = appendMarks(prefix, resume?.marks);
  let open = { ...(resume?.openDocument ?? nothing) };
  let emptyDocuments = resume?.emptyDocuments ?? 0;

  const appendTokens = (tokens: ArrayLike<number>) => {
    writer.append(tokens);
    open.tokens += tokens.length;
  };
  const endDocument = (language: string | undefined) => {
    if (open.tokens === 0) {
      emptyDocuments++;
    } else {
      if (endOfDocument !== undefined) appendTokens([endOfDocument]);
      records.add({ ...open, language });
      writer.endSequence();
      writer.endDocument();
    }
    open = { ...nothing };
  };

  return {
    get documents() {
      return writer.position.documents;
    },
    get tokens() {
      return writer.position.tokens;
    },
    add(task: EncodingTask, { tokens, lengths, sequences, counts }: EncodedTask) {
      let start = 0;
      let sequence = 0;
      task.forEach(({ last, language }, i) => {
        for (const end = sequence + sequences[i]!; sequence < end; sequence++) {
          const length = lengths[sequence]!;
          // Ended only when the next one begins, so that the last sequence of a document can take the end token.
          if (level !== "document" && length > 0 && writer.position.openTokens > 0) writer.endSequence();
          appendTokens(tokens.subarray(start, start + length));
          start += length;
        }
        open.bytes += counts[3 * i]!;
        open.characters += counts[3 * i + 1]!;
        open.words += counts[3 * i + 2]!;
        if (last) endDocument(language);
        else if (open.tokens > 0) marks.add({ document: writer.position.documents, ...open });
      });
    },
    /** Flushes everything to disk. */
    sync(): CollectorState {
      records.sync();
      marks.sync();
      return { position: writer.sync(), openDocument: { ...open }, emptyDocuments, marks: marks.count };
    },
    /** Completes the files, which keep their temporary names. Cuts documents at these numbers of tokens. */
    seal(cuts: readonly number[]) {
      records.close();
      marks.close();
      writer.seal(cuts);
    },
    /** Closes the files, so that a later run can resume from the last `sync`. */
    close() {
      records.abandon();
      marks.abandon();
      writer.close();
    },
    /** Closes and removes the files. */
    abort() {
      records.abandon();
      marks.abandon();
      writer.abort();
      for (const path of [recordsPath(prefix), marksPath(prefix)]) rmSync(path, { force: true });
    },
  };
}

const nothing = { tokens: 0, bytes: 0, characters: 0, words: 0 };

/** Whether the files of an interrupted run contain at least what its journal says. */
export function filesMatch(prefix: string, { position, marks }: CollectorState, bytesPerToken: number): boolean {
  const { bin, lengths, boundaries } = partialPaths(prefix);
  const expected: [string, number][] = [
    [bin, position.tokens * bytesPerToken],
    [lengths, position.sequences * 4],
    [boundaries, (position.documents + 1) * 8],
    [recordsPath(prefix), position.documents * RECORD_BYTES],
    [marksPath(prefix), marks * MARK_BYTES],
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
