/**
 * Optional steps between reading and encoding, in this order: decontamination, deduplication, language identification. They
 * depend on all earlier documents, so a resumed run repeats them from the first document, or, with MinHash, from a point
 * before which it only needs their signatures.
 */
import type { DatasetSidecar } from "../sidecar.ts";
import { readEvaluationNgrams } from "../steps/evaluation-ngrams.ts";
import { createExactDuplicates } from "../steps/exact-duplicates.ts";
import { filterDocuments } from "../steps/filter.ts";
import { loadLanguageIdentifier } from "../steps/language.ts";
import { labelLanguages } from "../steps/language-labels.ts";
import { minHashSignature } from "../steps/minhash.ts";
import { createNearDuplicates } from "../steps/near-duplicates.ts";
import type { DocumentPart } from "../text/document.ts";
import { listSources } from "../text/sources.ts";
import type { StepState } from "./resume-point.ts";
import { openSignatures, type SignatureFile } from "./signature-file.ts";

/** Which steps to take. */
export interface StepOptions {
  /**
   * Drops documents that share an n-gram of words (default 13) with a text of these files, or only counts them. In JSON lines
   * every string is such a text, in other formats every document.
   */
  decontaminate?: { inputs: readonly string[]; ngram?: number; action?: "drop" | "count" };
  /**
   * Drops duplicates of earlier documents: "exact", which ignores case and white space, or "minhash", for an estimated Jaccard
   * similarity of five-word shingles of at least `threshold`, default 0.8.
   */
  deduplicate?: { kind: "exact" } | { kind: "minhash"; threshold?: number };
  /** Detects each document's language and counts them; "separate" writes a dataset for each language. */
  languages?: "count" | "separate";
}

/** Results of the steps, for the sidecar. */
export type StepCounts = Pick<DatasetSidecar, "decontamination" | "deduplication">;

/** Steps that were set up. */
export interface Steps {
  /** Options, and the state of the files that they name: everything that decides the output. */
  settings: unknown;
  /**
   * Resumes from the state of an earlier run, and keeps expensive results in a temporary file beside the prefix for a later
   * one. Returns false if it cannot resume, in which case the steps start from the first document.
   */
  start(prefix: string, state: StepState | undefined): boolean;
  /** The state after the documents so far; undefined if a later run could not resume from it. */
  state(): StepState | undefined;
  /** Waits until what a later run needs is on disk. */
  sync(): void;
  /** Filters and labels documents. */
  apply(parts: AsyncIterable<DocumentPart>): AsyncIterable<DocumentPart>;
  /** Closes the temporary file. */
  close(): void;
  /** Counts so far. */
  counts(): StepCounts;
}

/** @throws DataError for options out of range, and for evaluation files that cannot be read. */
export async function createSteps(options: StepOptions & { jsonKey: string }): Promise<Steps> {
  const decontaminate = await createDecontamination(options);
  const deduplicate = createDeduplication(options);
  const identify = options.languages && (await loadLanguageIdentifier());
  return {
    settings: [decontaminate?.settings, deduplicate?.settings, options.languages],
    start(prefix, state) {
      if (!deduplicate?.start(prefix, state) || !state) return false;
      decontaminate?.restore(state);
      return true;
    },
    state() {
      const own = deduplicate?.state();
      return own && { contaminated: 0, longContaminated: 0, ...decontaminate?.state(), ...own };
    },
    sync: () => deduplicate?.sync(),
    apply(parts) {
      let documents = parts;
      for (const step of [decontaminate, deduplicate])
        if (step) documents = filterDocuments(documents, { keep: step.keep, onTooLong: step.onTooLong });
      return identify ? labelLanguages(documents, identify) : documents;
    },
    close: () => deduplicate?.close(),
    counts: () => ({
      ...(decontaminate && { decontamination: decontaminate.counts() }),
      ...(deduplicate && { deduplication: deduplicate.counts() }),
    }),
  };
}

async function createDecontamination({ decontaminate, jsonKey }: StepOptions & { jsonKey: string }) {
  if (!decontaminate) return undefined;
  const { inputs, ngram = 13, action = "drop" } = decontaminate;
  const ngrams = await readEvaluationNgrams(inputs, { ngram, textKey: jsonKey });
  const sources = await listSources(inputs);
  let contaminated = 0;
  let tooLong = 0;
  return {
    settings: [ngram, action, sources.map(({ path, bytes, modified }) => [path, bytes, modified])],
    keep(text: string) {
      if (!ngrams.isContaminated(text)) return true;
      contaminated++;
      return action === "count";
    },
    onTooLong: () => {
      tooLong++;
    },
    state: () => ({ contaminated, longContaminated: tooLong }),
    restore(state: StepState) {
      contaminated = state.contaminated;
      tooLong = state.longContaminated;
    },
    counts: () => ({
      ngram,
      action,
      evaluationTexts: ngrams.texts,
      shortTexts: ngrams.shortTexts,
      contaminated,
      tooLong,
    }),
  };
}

function createDeduplication({ deduplicate }: StepOptions) {
  if (!deduplicate) return undefined;
  const { kind } = deduplicate;
  const threshold = kind === "minhash" ? (deduplicate.threshold ?? 0.8) : undefined;
  let signatures: SignatureFile | undefined;
  const signatureOf = (text: string) => (signatures ? signatures.signatureOf(text) : minHashSignature(text));
  const near = threshold === undefined ? undefined : createNearDuplicates({ threshold, signatureOf });
  const { isDuplicate } = near ?? createExactDuplicates();
  let duplicates = 0;
  let tooLong = 0;
  return {
    settings: [kind, threshold],
    start(prefix: string, state: StepState | undefined): boolean {
      if (!near) return false;
      signatures = openSignatures(prefix);
      if (!state || !signatures.restore(state.signatures, near.isNearDuplicate)) return false;
      duplicates = state.duplicates;
      tooLong = state.longDuplicates;
      return true;
    },
    state: () => signatures && { signatures: signatures.count, duplicates, longDuplicates: tooLong },
    sync: () => signatures?.sync(),
    close: () => signatures?.close(),
    keep(text: string) {
      const duplicate = isDuplicate(text);
      if (duplicate) duplicates++;
      return !duplicate;
    },
    onTooLong: () => {
      tooLong++;
    },
    counts: () => ({ kind, ...(threshold !== undefined && { threshold }), duplicates, tooLong }),
  };
}
