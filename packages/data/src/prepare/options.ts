/** What `prepareDataset` takes and returns. */
import type { DataError } from "../errors.ts";
import type { DatasetSidecar } from "../sidecar.ts";
import type { ReadOptions } from "../text/documents.ts";
import type { SpecialTokens } from "./encode.ts";
import type { StepOptions } from "./steps.ts";

/** Inputs, tokenizer, output, and what happens between them. */
export interface PrepareOptions extends Pick<ReadOptions, "textDocument" | "format">, StepOptions {
  /** Files, globs, directories, or "-" for standard input. */
  inputs: readonly string[];
  /** A tokenizer.json, or a directory with one. */
  tokenizerPath: string;
  /** Prefix of the output: "data/corpus" writes data/corpus_text_document.bin, .idx and .json. */
  output: string;
  /** JSON key, or CSV or Parquet column, of the text; part of the output's name. Default "text". */
  jsonKey?: string;
  /** Weights of train, validation and test documents. Default [98, 1, 1]. */
  split?: readonly number[];
  /** Worker threads that encode; 0 encodes in the calling thread. Default: one for each processor. */
  workers?: number;
  /**
   * Makes every sentence a sequence, by the rules of a language (a tag such as "de"), in `<output>_<jsonKey>_sentence.*`.
   * Objectives of sentence pairs need it.
   */
  sentences?: { language: string };
  /** Every document is a source, a tab and a target, in `<output>_<jsonKey>_pair.*`. Other documents are malformed. */
  pairs?: boolean;
  /**
   * What special tokens spelled out in a document become, such as a "<|endoftext|>" in a web page: "text" like any other, or
   * "ids", which gives whoever wrote the document control over the model's input. Default "text".
   */
  specialTokens?: SpecialTokens;
  /** Appends the tokenizer's end-of-text token to every document. Default true, with `sentences` false. */
  appendEndOfDocument?: boolean;
  /** Skips and counts malformed lines. By default, the first one is thrown. */
  skipBadLines?: boolean;
  /** Called for each line that is skipped. */
  onBadLine?: (problem: DataError) => void;
  /** Called after every batch of documents. */
  onProgress?: (progress: PrepareProgress) => void;
  /** Replaces an existing dataset once the new one is complete. Default false: an existing one is an error. */
  overwrite?: boolean;
  /** Resumes an interrupted run of the same inputs and options. Default true. Standard input always starts over. */
  resume?: boolean;
  /** Takes over the lock of a process on another host or in another container, which must have ended. Default false. */
  breakLock?: boolean;
}

/** How far a run is. */
export interface PrepareProgress {
  /** Bytes read from the files, before decompression. */
  bytesRead: number;
  /** Size of all files; undefined for standard input. */
  bytesTotal: number | undefined;
  documents: number;
  tokens: number;
  badLines: number;
}

/** The dataset of one language. */
export interface LanguageDataset {
  /** ISO 639-1 code, or "und". */
  language: string;
  prefix: string;
  sidecar: DatasetSidecar;
}

/** What was written. */
export interface PrepareResult {
  /** Full prefix of the files, e.g. "data/corpus_text_document". */
  prefix: string;
  sidecar: DatasetSidecar;
  /**
   * With `languages: "separate"`, the dataset of each language, e.g. "data/corpus-en_text_document". There are no files with
   * `prefix` then, and `sidecar` has the counts of all languages.
   */
  byLanguage?: LanguageDataset[];
  /** Whether an interrupted run was resumed. */
  resumed: boolean;
}

/** Internal settings, which tests change to cut small inputs and to interrupt between any two tasks. */
export interface PrepareTuning {
  workerFile: URL;
  /** Characters in a piece, and in a task. */
  pieceLength: number;
  journalMilliseconds: number;
}
