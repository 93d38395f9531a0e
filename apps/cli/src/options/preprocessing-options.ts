/** Options of `prepare` for what happens to documents before they are encoded, and the words for what happened. */
import type { DatasetSidecar, LanguageDataset, StepOptions } from "@megatron-ts/data";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { counted } from "../terminal/pluralize.ts";
import { anyNumber, wholeNumber } from "./option-values.ts";

export interface StepFlags {
  dedup?: "exact" | "minhash";
  dedupThreshold?: number;
  decontaminate?: string[];
  ngram?: number;
  contaminated?: "drop" | "count";
  languages?: boolean;
  byLanguage?: boolean;
  temperature?: number;
}

export const addStepOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        "--dedup <kind>",
        "keep the first of documents of the same text (exact), or of nearly the same (minhash)",
      ).choices(["exact", "minhash"]),
    )
    .option(
      "--dedup-threshold <share>",
      "share of common five-word runs that is nearly the same (default: 0.8)",
      anyNumber,
    )
    .option("--decontaminate <paths...>", "leave out documents that share a run of words with these evaluation files")
    .option("--ngram <n>", "words in such a run (default: 13)", wholeNumber(1))
    .addOption(
      new Option("--contaminated <action>", "drop such documents (the default) or only count them").choices([
        "drop",
        "count",
      ]),
    )
    .option("--languages", "tell each document's language, and count")
    .option("--by-language", "write a dataset for each language: data/corpus-en_text_document.bin, ...")
    .option(
      "--temperature <power>",
      "weigh the languages by their share of tokens to this power: 1 as they are (the default), 0 all alike",
      anyNumber,
    );

/** @throws UsageError for an option that lacks the one that it speaks of. */
export function toStepOptions(flags: StepFlags): StepOptions {
  const { dedup, dedupThreshold, decontaminate, ngram, contaminated, languages, byLanguage, temperature } = flags;
  if (dedupThreshold !== undefined && dedup !== "minhash")
    throw new UsageError("--dedup-threshold is for --dedup minhash: give both");
  if (!decontaminate && (ngram !== undefined || contaminated !== undefined))
    throw new UsageError("--ngram and --contaminated are for --decontaminate: name the evaluation files there");
  if (temperature !== undefined && !byLanguage)
    throw new UsageError("--temperature weighs the datasets of --by-language: give both");
  return {
    ...(dedup && { deduplicate: dedup === "exact" ? { kind: dedup } : { kind: dedup, threshold: dedupThreshold } }),
    ...(decontaminate && { decontaminate: { inputs: decontaminate, ngram, action: contaminated } }),
    ...((languages || byLanguage) && { languages: byLanguage ? "separate" : "count" }),
  };
}

/** "225 documents, 2,408,110 tokens". */
export const documentsAndTokens = ({ documents, tokens }: { documents: number; tokens: number }): string =>
  `${counted(documents, "document")}, ${counted(tokens, "token")}`;

/** A line for each step that was taken. */
export function describeSteps({ sentences, deduplication, decontamination, languages }: DatasetSidecar): string[] {
  const lines: string[] = [];
  if (sentences) lines.push(`${counted(sentences.sequences, "sentence")} (${sentences.language})`);
  if (decontamination) {
    const { action, contaminated, ngram, evaluationTexts, shortTexts, tooLong } = decontamination;
    const done = action === "drop" ? "left out" : "found and kept";
    lines.push(`${contaminated} documents ${done} that share ${ngram} words with ${evaluationTexts} evaluation texts`);
    if (shortTexts > 0) lines.push(`${shortTexts} evaluation texts are shorter than ${ngram} words: not looked for`);
    if (tooLong > 0) lines.push(`${counted(tooLong, "document")} too long to be looked through`);
  }
  if (deduplication) {
    const { kind, threshold, duplicates, tooLong } = deduplication;
    const alike = kind === "exact" ? "exact" : `MinHash, from ${threshold}`;
    lines.push(`${counted(duplicates, "duplicate")} left out (${alike})`);
    if (tooLong > 0) lines.push(`${counted(tooLong, "document")} too long to be compared`);
  }
  const byTokens = Object.entries(languages ?? {}).sort(([, a], [, b]) => b.tokens - a.tokens);
  for (const [language, counts] of byTokens) lines.push(`${language.padEnd(10)} ${documentsAndTokens(counts)}`);
  return lines;
}

/** Languages with how often to draw from each, by the tokens of their train splits; those without any are left out. */
export async function weighLanguages(
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
