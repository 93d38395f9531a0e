/**
 * Text files to an indexed dataset and its sidecar: reads, cuts, encodes in worker threads, and writes in the order of
 * the input whatever the number of workers. Interrupted at any moment, it goes on where it was.
 */
import { DataError } from "../errors.ts";
import { takeLock } from "../lock.ts";
import type { DatasetSidecar } from "../sidecar.ts";
import { onlyPairs } from "../steps/pairs.ts";
import { type ReadOptions, readParts } from "../text/documents.ts";
import { type LanguageDataset, publishByLanguage } from "./by-language.ts";
import { createCollector } from "./collector.ts";
import type { EncodedTask, EncodingTask } from "./encode.ts";
import { builtWorker, createEncoderPool } from "./encoder-pool.ts";
import { refuseExisting } from "./existing.ts";
import { type Job, planJob } from "./job.ts";
import { findJournal, removeJournal, writeJournal } from "./journal.ts";
import { cutIntoPieces, inTasks } from "./pieces.ts";
import { publish, summarize, writeSidecar } from "./publish.ts";
import type { StepCounts, StepOptions } from "./steps.ts";

export interface PrepareOptions extends Pick<ReadOptions, "textDocument" | "format">, StepOptions {
  /** Files, globs, directories, or "-" for standard input. */
  inputs: readonly string[];
  /** A tokenizer.json, or a directory with one. */
  tokenizerPath: string;
  /** Prefix of the output: "data/corpus" gives data/corpus_text_document.bin, .idx and .json. */
  output: string;
  /** The JSON key, or the CSV or Parquet column, that holds the text; part of the output's name. Default "text". */
  jsonKey?: string;
  /** Weights of train, validation and test documents. Default [98, 1, 1]. */
  split?: readonly number[];
  /** Worker threads that encode; 0 encodes in the calling thread. Default: one for each processor. */
  workers?: number;
  /**
   * Makes every sentence a sequence, by the rules of a language (a tag such as "de"), in `<output>_<jsonKey>_sentence.*`: what
   * objectives of sentence pairs read.
   */
  sentences?: { language: string };
  /** Every document is a source and its target, divided by a tab, in `<output>_<jsonKey>_pair.*`. Others are malformed. */
  pairs?: boolean;
  /** Puts the tokenizer's end-of-text token after every document. Default true, with `sentences` false. */
  appendEndOfDocument?: boolean;
  /** Skips and counts malformed lines; without it the first one is thrown. */
  skipBadLines?: boolean;
  /** Told of each line that is skipped. */
  onBadLine?: (problem: DataError) => void;
  /** Told after every batch of documents. */
  onProgress?: (progress: PrepareProgress) => void;
  /** Replaces a dataset that is there already, once the new one is whole. Default false: it is refused. */
  overwrite?: boolean;
  /** Goes on with an interrupted run of the same inputs and options. Default true; standard input starts over. */
  resume?: boolean;
}

export interface PrepareProgress {
  /** Read from the files, before decompression. */
  bytesRead: number;
  /** Of all files; undefined for standard input. */
  bytesTotal: number | undefined;
  documents: number;
  tokens: number;
  badLines: number;
}

export interface PrepareResult {
  /** Full prefix of the files, e.g. "data/corpus_text_document". */
  prefix: string;
  sidecar: DatasetSidecar;
  /**
   * With `languages: "separate"` the datasets, e.g. "data/corpus-en_text_document", in place of files of that prefix; the
   * counts in `sidecar` are of all of them.
   */
  byLanguage?: LanguageDataset[];
  /** Whether an interrupted run was gone on with. */
  resumed: boolean;
}

/** What tests set to see small inputs cut, and interruptions between any two tasks. */
export interface PrepareTuning {
  workerFile: URL;
  /** Characters of a piece, and of a task. */
  pieceLength: number;
  journalMilliseconds: number;
}

/**
 * Writes `<output>_<jsonKey>_document.bin`, `.idx` and `.json` (see `sentences` and `languages` for other names). Until it
 * is done, whatever stood there stays.
 * @throws DataError for an output that is there already (see `overwrite`); for inputs that are missing, empty, unreadable or malformed, naming file and line;
 *   TokenizerError for a tokenizer that cannot be loaded.
 */
export function prepareDataset(options: PrepareOptions): Promise<PrepareResult> {
  return prepareWith(options, { workerFile: builtWorker(), pieceLength: 1 << 19, journalMilliseconds: 2000 });
}

export async function prepareWith(options: PrepareOptions, tuning: PrepareTuning): Promise<PrepareResult> {
  const job = await planJob(options);
  const { prefix } = job;
  const release = takeLock(`${prefix}.lock`, (process) => {
    const message = `is being written already (process ${process}): wait for it, or choose another output`;
    return new DataError(message, { source: prefix });
  });
  try {
    return await carryOut(job, { options, tuning });
  } finally {
    release();
  }
}

async function carryOut(
  { jsonKey, split, workers, tokenizer, endOfDocument, sources, resumable, level, ...job }: Job,
  { options, tuning }: { options: PrepareOptions; tuning: PrepareTuning },
): Promise<PrepareResult> {
  const { prefixOf, prefix, type, findCut, steps, key, runs } = job;
  const { sentences, pairs } = options;
  const journal = resumable && options.resume !== false ? findJournal(prefix, { key, type }) : undefined;
  const finish = async () =>
    options.languages === "separate"
      ? publishByLanguage(prefix, { type, prefixOf: (language) => prefixOf(`${options.output}-${language}`) })
      : { sidecar: publish(prefix) };
  if (journal?.phase === "publishing") return { prefix, resumed: true, ...(await finish()) };
  if (!options.overwrite) refuseExisting({ prefix, prefixOf }, options);
  if (!journal) removeJournal(prefix);

  const collector = createCollector(prefix, { type, endOfDocument, sequences: level, resume: journal });
  const progress = { bytesRead: 0, badLines: 0 };
  const bytesTotal = resumable ? sources.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : undefined;
  const done = journal?.tasks ?? 0;
  let collected = done;
  let journaled = Date.now();
  const record = () => {
    writeJournal(prefix, { key, phase: "encoding", tasks: collected, ...collector.sync() });
    journaled = Date.now();
  };
  const collect = async (task: EncodingTask, encoded: Promise<EncodedTask>) => {
    collector.add(task, await encoded);
    collected++;
    if (resumable && Date.now() - journaled >= tuning.journalMilliseconds) record();
    const { documents, tokens } = collector;
    options.onProgress?.({ ...progress, bytesTotal, documents, tokens });
  };

  const pool = createEncoderPool({
    ...tuning,
    tokenizer,
    tokenizerPath: options.tokenizerPath,
    runs,
    workers,
  });
  const onBadLine = (problem: DataError) => {
    if (!options.skipBadLines) throw problem;
    progress.badLines++;
    options.onBadLine?.(problem);
  };
  try {
    const read = readParts(sources, {
      ...options,
      textKey: jsonKey,
      onBytes: (bytes) => {
        progress.bytesRead += bytes;
      },
      onBadLine,
    });
    const parts = pairs ? onlyPairs(read, { onBadDocument: onBadLine }) : read;
    const pieces = cutIntoPieces(steps.apply(parts), { findCut, pieceLength: tuning.pieceLength });
    const underWay: { task: EncodingTask; encoded: Promise<EncodedTask> }[] = [];
    let number = 0;
    for await (const task of inTasks(pieces, tuning.pieceLength)) {
      if (number++ < done) continue;
      const encoded = pool.encode(task);
      encoded.catch(() => {}); // It is thrown where it is awaited; until then it is not unhandled.
      underWay.push({ task, encoded });
      const ready = underWay.length > pool.capacity ? underWay.shift() : undefined;
      if (ready) await collect(ready.task, ready.encoded);
    }
    for (const { task, encoded } of underWay) await collect(task, encoded);
    if (collector.documents === 0) throw new DataError(nothingLeft(steps.counts()));
  } catch (error) {
    if (resumable && collector.tokens > 0) {
      if (error instanceof DataError) record();
      collector.close();
    } else {
      collector.abort();
      removeJournal(prefix);
    }
    throw error;
  } finally {
    await pool.close();
  }

  const state = collector.sync();
  collector.seal();
  const sidecar = await summarize(prefix, {
    jsonKey,
    tokenizer: {
      fingerprint: tokenizer.fingerprint,
      vocabularySize: tokenizer.vocabularySize,
      endOfDocument: endOfDocument ?? null,
    },
    documents: state.position.documents,
    weights: split,
    skipped: { badLines: progress.badLines, emptyDocuments: state.emptyDocuments },
    ...(sentences && { sentences: { ...sentences, sequences: state.position.sequences } }),
    ...steps.counts(),
  });
  writeSidecar(prefix, sidecar);
  writeJournal(prefix, { key, phase: "publishing", tasks: collected, ...state });
  return { prefix, resumed: journal !== undefined, ...(await finish()) };
}

function nothingLeft({ decontamination }: StepCounts): string {
  return decontamination?.action === "drop" && decontamination.contaminated > 0
    ? `no document is left: all ${decontamination.contaminated} hold text of the evaluation files`
    : "the inputs hold no text that makes a token";
}
