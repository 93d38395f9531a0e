/** What a call of `prepare` will do, decided and checked before anything is written. */
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
import { jobKey } from "./journal.ts";
import type { PrepareOptions } from "./prepare.ts";
import type { Runs } from "./runs.ts";
import { createSteps } from "./steps.ts";

export type Job = Awaited<ReturnType<typeof planJob>>;

/** Throws a DataError or a TokenizerError for what can be refused now. */
export async function planJob(options: PrepareOptions) {
  const { output, jsonKey = "text", split = [98, 1, 1], workers = availableParallelism(), sentences, pairs } = options;
  const mostWorkers = Math.max(16, 4 * availableParallelism());
  if (!(Number.isInteger(workers) && workers >= 0 && workers <= mostWorkers))
    throw new DataError(`expected a whole number of workers, at most ${mostWorkers} on this machine, found ${workers}`);
  if (basename(output) === "" || /[/\\]$/.test(output))
    throw new DataError(`expected the beginning of a file's name, as in data/corpus, found ${JSON.stringify(output)}`);
  if (/[/\\]/.test(jsonKey))
    throw new DataError(`the key is a part of the output's name, where ${JSON.stringify(jsonKey)} cannot stand`);
  splitDocuments(0, split);
  if (sentences && pairs) throw new DataError("a dataset is of sentences or of pairs, not of both");
  const tokenizer = await loadTokenizer(options.tokenizerPath);
  const endOfDocument = endToken(tokenizer, options);
  const sources = await listSources(options.inputs, options);
  const runs: Runs | undefined = pairs ? { of: "pair" } : sentences && { of: "sentence", ...sentences };
  const level = runs?.of ?? ("document" as const);
  const prefixOf = (start: string) => `${start}_${jsonKey}_${level}`;
  const steps = await createSteps({ ...options, jsonKey });
  const key = jobKey(sources, [
    tokenizer.fingerprint,
    endOfDocument ?? null,
    jsonKey,
    options.textDocument ?? "file",
    sentences?.language ?? (pairs ? "pairs" : null),
    steps.settings,
  ]);
  return {
    jsonKey,
    split,
    workers,
    tokenizer,
    endOfDocument,
    sources,
    resumable: sources.every(({ path }) => path !== "-"),
    level,
    runs,
    prefixOf,
    prefix: prefixOf(output),
    type: tokenTypeFor(tokenizer.vocabularySize),
    findCut: pairs ? () => undefined : sentences ? createSentenceCuts(sentences.language) : createCutFinder(tokenizer),
    steps,
    key,
  };
}

function endToken(tokenizer: Tokenizer, { appendEndOfDocument, sentences, tokenizerPath }: PrepareOptions) {
  if (!(appendEndOfDocument ?? !sentences)) return undefined;
  if (tokenizer.endOfText !== undefined) return tokenizer.endOfText;
  throw new DataError("names no end-of-text token to put after documents: add one, or leave documents without", {
    source: tokenizerPath,
  });
}
