/**
 * Optional steps between reading and encoding, in this order: decontamination, deduplication, language identification. They
 * depend on all earlier documents, so a resumed run repeats them from the first document, but neither encoding nor MinHash
 * signatures.
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
   * Filters and labels documents. With a prefix, what takes long is kept in a temporary file beside it, for a later run.
   */
  apply(parts: AsyncIterable<DocumentPart>, prefix?: string): AsyncIterable<DocumentPart>;
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
    apply(parts, prefix) {
      if (prefix !== undefined) deduplicate?.keepSignatures(prefix);
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
  const { isDuplicate } =
    threshold === undefined ? createExactDuplicates() : createNearDuplicates({ threshold, signatureOf });
  let duplicates = 0;
  let tooLong = 0;
  return {
    settings: [kind, threshold],
    keepSignatures(prefix: string) {
      if (kind === "minhash") signatures = openSignatures(prefix);
    },
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
