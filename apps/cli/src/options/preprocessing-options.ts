/** `prepare`'s options for filtering and labeling documents before they are tokenized, and the summary of what was done. */
import type { DatasetSidecar, LanguageDataset, StepOptions } from "@megatron-ts/data";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { pluralize } from "../terminal/pluralize.ts";
import { integer, number } from "./option-values.ts";

export interface PreprocessingFlags {
  dedup?: "exact" | "minhash";
  dedupThreshold?: number;
  decontaminate?: string[];
  ngram?: number;
  contaminated?: "drop" | "count";
  languages?: boolean;
  byLanguage?: boolean;
  temperature?: number;
}

export const addPreprocessingOptions = (command: Command): Command =>
  command
    .optionsGroup("Deduplication and decontamination:")
    .addOption(
      new Option("--dedup <kind>", "remove documents with the same text (exact) or nearly the same (minhash)").choices([
        "exact",
        "minhash",
      ]),
    )
    .option(
      "--dedup-threshold <similarity>",
      "Jaccard similarity of 5-word shingles above which documents count as duplicates (default: 0.8)",
      number,
    )
    .option("--decontaminate <paths...>", "remove documents that share an n-gram with these evaluation files")
    .option("--ngram <n>", "words per n-gram (default: 13)", integer(1))
    .addOption(
      new Option("--contaminated <action>", "drop contaminated documents (default) or only count them").choices([
        "drop",
        "count",
      ]),
    )
    .optionsGroup("Languages:")
    .option("--languages", "detect each document's language and count documents per language")
    .option("--by-language", "write one dataset per language: data/corpus-en_text_document.bin, ...")
    .option(
      "--temperature <power>",
      "exponent of the language weights, share^power: 1 = proportional (default), 0 = uniform",
      number,
    );

/** Throws a UsageError for an option without the one that it depends on. */
export function toPreprocessingOptions(flags: PreprocessingFlags): StepOptions {
  const { dedup, dedupThreshold, decontaminate, ngram, contaminated, languages, byLanguage, temperature } = flags;
  if (dedupThreshold !== undefined && dedup !== "minhash")
    throw new UsageError("--dedup-threshold requires --dedup minhash");
  if (!decontaminate && (ngram !== undefined || contaminated !== undefined))
    throw new UsageError("--ngram and --contaminated require --decontaminate");
  if (temperature !== undefined && !byLanguage) throw new UsageError("--temperature requires --by-language");
  return {
    ...(dedup && { deduplicate: dedup === "exact" ? { kind: dedup } : { kind: dedup, threshold: dedupThreshold } }),
    ...(decontaminate && { decontaminate: { inputs: decontaminate, ngram, action: contaminated } }),
    ...((languages || byLanguage) && { languages: byLanguage ? "separate" : "count" }),
  };
}

/** "225 documents, 2,408,110 tokens". */
export const documentsAndTokens = ({ documents, tokens }: { documents: number; tokens: number }): string =>
  `${pluralize(documents, "document")}, ${pluralize(tokens, "token")}`;

/** Formats a line for each preprocessing step, and one per language. */
export function describePreprocessing(sidecar: DatasetSidecar): string[] {
  const { sentences, deduplication, decontamination, languages } = sidecar;
  const lines: string[] = [];
  if (sentences) lines.push(`${pluralize(sentences.sequences, "sentence")} (${sentences.language})`);
  if (decontamination) {
    const { action, contaminated, ngram, evaluationTexts, shortTexts, tooLong } = decontamination;
    const texts = pluralize(evaluationTexts, "evaluation text");
    const kept = action === "drop" ? "removed" : "kept";
    lines.push(`${pluralize(contaminated, "contaminated document")} ${kept} (${ngram}-grams of ${texts})`);
    if (shortTexts > 0) lines.push(`${pluralize(shortTexts, "evaluation text")} ignored: shorter than ${ngram} words`);
    if (tooLong > 0) lines.push(`${pluralize(tooLong, "document")} not checked for contamination: too long`);
  }
  if (deduplication) {
    const { kind, threshold, duplicates, tooLong } = deduplication;
    lines.push(`${pluralize(duplicates, "duplicate")} removed (${kind === "exact" ? kind : `${kind}, ${threshold}`})`);
    if (tooLong > 0) lines.push(`${pluralize(tooLong, "document")} not deduplicated: too long`);
  }
  const byTokens = Object.entries(languages ?? {}).sort(([, a], [, b]) => b.tokens - a.tokens);
  for (const [language, counts] of byTokens) lines.push(`${language.padEnd(10)} ${documentsAndTokens(counts)}`);
  return lines;
}

/** Sampling weight of each language with training tokens, from the share of tokens of its train split. */
export async function weightLanguages(
  datasets: readonly LanguageDataset[],
  temperature: number,
): Promise<{ language: string; prefix: string; weight: number }[]> {
  const { languageWeights } = await import("@megatron-ts/data");
  const tokens = datasets.map(({ language, sidecar }) => [language, sidecar.split.train.tokens] as const);
  const weights = languageWeights(Object.fromEntries(tokens), temperature);
  return datasets
    .filter(({ language }) => weights[language] !== undefined)
    .map(({ language, prefix }) => ({ language, prefix, weight: Number(weights[language]!.toPrecision(6)) }));
}
