/** Plans a run of `prepareDataset`: decides and checks everything before anything is written. */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { DataError } from "../errors.ts";
import { tokenTypeFor } from "../indexed/format.ts";
import { splitDocuments } from "../split.ts";
import { createSentenceCuts } from "../steps/sentences.ts";
import { listSources } from "../text/sources.ts";
import { createCutFinder } from "./cuts.ts";
import { documentEncoding } from "./encode.ts";
import { jobKey } from "./journal.ts";
import type { PrepareOptions } from "./options.ts";
import type { SequenceUnit } from "./sequence-unit.ts";
import { createSteps } from "./steps.ts";

/** A planned run. */
export type Job = Awaited<ReturnType<typeof planJob>>;

/** @throws DataError for invalid options and inputs, TokenizerError for a tokenizer that cannot be loaded. */
export async function planJob(options: PrepareOptions) {
  const { output, jsonKey = "text", split = [98, 1, 1], workers = availableParallelism(), sentences, pairs } = options;
  const { specialTokens = "text" } = options;
  if (specialTokens !== "text" && specialTokens !== "ids")
    throw new DataError(`specialTokens: expected "text" or "ids", got ${JSON.stringify(specialTokens)}`);
  const mostWorkers = Math.max(16, 4 * availableParallelism());
  if (!(Number.isInteger(workers) && workers >= 0 && workers <= mostWorkers))
    throw new DataError(`expected 0 to ${mostWorkers} workers on this machine, got ${workers}`);
  if (basename(output) === "" || /[/\\]$/.test(output))
    throw new DataError(`expected a prefix of file names, such as data/corpus, got ${JSON.stringify(output)}`);
  if (/[/\\]/.test(jsonKey))
    throw new DataError(
      `the key becomes part of the output's name and cannot contain a slash, got ${JSON.stringify(jsonKey)}`,
    );
  splitDocuments(0, split);
  if (sentences && pairs) throw new DataError("expected either sentences or pairs, not both");
  const tokenizer = await loadTokenizer(options.tokenizerPath);
  const endOfDocument = endToken(tokenizer, options);
  const sources = await listSources(options.inputs, options);
  const unit: SequenceUnit | undefined = pairs ? { level: "pair" } : sentences && { level: "sentence", ...sentences };
  const level = unit?.level ?? ("document" as const);
  const prefixOf = (start: string) => `${start}_${jsonKey}_${level}`;
  const steps = await createSteps({ ...options, jsonKey });
  const key = jobKey(sources, [
    tokenizer.fingerprint,
    endOfDocument ?? null,
    jsonKey,
    specialTokens,
    options.textDocument ?? "file",
    sentences?.language ?? (pairs ? "pairs" : null),
    steps.settings,
  ]);
  return {
    jsonKey,
    split,
    workers,
    tokenizer,
    specialTokens,
    endOfDocument,
    sources,
    resumable: sources.every(({ path }) => path !== "-"),
    level,
    unit,
    prefixOf,
    prefix: prefixOf(output),
    type: tokenTypeFor(tokenizer.vocabularySize),
    findCut: pairs
      ? () => undefined
      : sentences
        ? createSentenceCuts(sentences.language)
        : createCutFinder(tokenizer, documentEncoding(specialTokens)),
    steps,
    key,
  };
}

function endToken(tokenizer: Tokenizer, { appendEndOfDocument, sentences, tokenizerPath }: PrepareOptions) {
  if (!(appendEndOfDocument ?? !sentences)) return undefined;
  if (tokenizer.endOfText !== undefined) return tokenizer.endOfText;
  throw new DataError("has no end-of-text token to append to documents: add one, or set appendEndOfDocument to false", {
    source: tokenizerPath,
  });
}
