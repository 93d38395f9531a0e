/**
 * Takes encoded tasks in order and writes the dataset: documents with their end tokens, each one sequence or a sequence
 * for every run (a sentence, a side of a pair), and a record of how much text each document is.
 */
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { createIndexedDatasetWriter, partialPaths } from "../indexed/writer.ts";
import type { EncodedTask, EncodingTask } from "./encode.ts";
import type { Journal } from "./journal.ts";
import { appendRecords, RECORD_BYTES, recordsPath } from "./records.ts";

export type CollectorState = Pick<Journal, "position" | "openDocument" | "emptyDocuments">;

/**
 * @param options.endOfDocument the token put after every document, if any.
 * @param options.sequences what a sequence is.
 * @param options.resume a state from `sync`.
 */
export function createCollector(
  prefix: string,
  options: {
    type: "u16" | "i32";
    endOfDocument: number | undefined;
    sequences: "document" | "sentence" | "pair";
    resume?: CollectorState;
  },
) {
  const { type, endOfDocument, sequences, resume } = options;
  const writer = createIndexedDatasetWriter(prefix, { type, resume: resume?.position });
  const records = appendRecords(prefix, resume?.position.documents);
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
    add(task: EncodingTask, { tokens, lengths, runs, counts }: EncodedTask) {
      let start = 0;
      let run = 0;
      task.forEach(({ last, language }, i) => {
        for (const end = run + runs[i]!; run < end; run++) {
          const length = lengths[run]!;
          // A run is ended by the next one, so that the last of a document can take the end token.
          if (sequences !== "document" && length > 0 && writer.position.openTokens > 0) writer.endSequence();
          appendTokens(tokens.subarray(start, start + length));
          start += length;
        }
        open.bytes += counts[3 * i]!;
        open.characters += counts[3 * i + 1]!;
        open.words += counts[3 * i + 2]!;
        if (last) endDocument(language);
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
    /** Closes the files and leaves them for a later run, as they were at the last `sync`. */
    close() {
      records.abandon();
      writer.close();
    },
    /** Closes and removes them. */
    abort() {
      records.abandon();
      writer.abort();
      rmSync(recordsPath(prefix), { force: true });
    },
  };
}

const nothing = { tokens: 0, bytes: 0, characters: 0, words: 0 };

/** Whether the files of an interrupted run hold at least what its journal says. */
export function holdsState(prefix: string, { position }: CollectorState, bytesPerToken: number): boolean {
  const { bin, lengths, boundaries } = partialPaths(prefix);
  const expected: [string, number][] = [
    [bin, position.tokens * bytesPerToken],
    [lengths, position.sequences * 4],
    [boundaries, (position.documents + 1) * 8],
    [recordsPath(prefix), position.documents * RECORD_BYTES],
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
