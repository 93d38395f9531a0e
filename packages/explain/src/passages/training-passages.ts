/** Training data that is open for searching, and what in it is nearest to a text, in words: with documents, offsets and context. */
import { type Dataset, openDataset, type SplitName } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ExplainError } from "../errors.ts";
import type { TrainingPassages } from "../reports.ts";
import { type NearestOptions, nearestPassages, type Passage } from "./nearest-passages.ts";
import { buildPassageIndex, MOST_POSITIONS, type PassageIndex, type PassageIndexOptions } from "./passage-index.ts";
import { documentStart, tokensBetween } from "./token-source.ts";

/** Options of `openTrainingData`. */
export interface TrainingDataOptions extends Pick<PassageIndexOptions, "ngram" | "maxPositions"> {
  /** The split that is searched. Default: what was trained on, "train", or "all" of files without splits. */
  split?: SplitName | "all";
  /** Called with the share of the data that is indexed, 0..1. */
  onProgress?: (fraction: number) => void;
}

/** Data that is indexed. */
export interface TrainingData {
  /** Throws an ExplainError for a text too short or too long to search, and for another tokenizer than the data's. */
  nearest(tokenizer: Tokenizer, text: string, options?: NearestOptions): TrainingPassages;
  close(): void;
}

/** Tokens shown before and after a span. */
const CONTEXT = 16;

interface Indexed {
  dataset: Dataset;
  index: PassageIndex;
}

/**
 * Opens datasets and indexes their n-grams, which takes about a second for 4 million tokens. Lets other work of the thread in
 * between. Throws a DataError for data that cannot be read, and what `buildPassageIndex` throws.
 * @param prefixes datasets as `prepareDataset` wrote them
 */
export async function openTrainingData(
  prefixes: readonly string[],
  { split, onProgress = () => {}, maxPositions = MOST_POSITIONS, ...options }: TrainingDataOptions = {},
): Promise<TrainingData> {
  const opened: Indexed[] = [];
  const close = () => {
    for (const { dataset } of opened) dataset.close();
  };
  try {
    for (const [number, prefix] of prefixes.entries()) {
      const dataset = await openDataset(prefix, { verify: false });
      const documents = dataset.documentsOf(split ?? (dataset.sidecar ? "train" : "all"));
      const share = Math.ceil(maxPositions / prefixes.length);
      const building = buildPassageIndex(dataset, { ...options, maxPositions: share, documents });
      let step = building.next();
      for (; !step.done; step = building.next()) {
        onProgress((number + step.value) / prefixes.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
      opened.push({ dataset, index: step.value });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { nearest: (tokenizer, text, given) => nearestIn(opened, { tokenizer, text, ...given }), close };
}

/** Opens datasets and closes them again. Throws a DataError for those that cannot be read. */
export async function checkTrainingData(prefixes: readonly string[]): Promise<void> {
  for (const prefix of prefixes) (await openDataset(prefix, { verify: false })).close();
}

function nearestIn(
  opened: readonly Indexed[],
  { tokenizer, text, topK = 5, length }: NearestOptions & { tokenizer: Tokenizer; text: string },
): TrainingPassages {
  const tokens = Array.from(tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true }));
  const found = opened.map(({ dataset, index }) => {
    checkTokenizer(dataset, tokenizer);
    const shown = ({ document, offset, tokens: own }: Passage) => ({
      data: dataset.prefix,
      document,
      offset,
      text: tokenizer.decode(own),
    });
    const { spans, passages } = nearestPassages(index, tokens, { topK, ...(length !== undefined && { length }) });
    return {
      spans: spans.map(({ start, length: count, passage }) => ({
        start,
        length: count,
        ...shown(passage),
        ...around(dataset, passage, tokenizer),
      })),
      passages: passages.map(({ similarity, ...passage }) => ({ similarity, ...shown(passage) })),
    };
  });
  const spans = found.flatMap((one) => one.spans).sort((a, b) => b.length - a.length);
  const passages = found.flatMap((one) => one.passages).sort((a, b) => b.similarity - a.similarity);
  return {
    text,
    tokens: tokens.length,
    complete: Math.max(...opened.map(({ index }) => index.complete)),
    spans: spans.slice(0, topK),
    passages: passages.slice(0, topK),
  };
}

/** The text before and after a passage, within its document. */
function around(dataset: Dataset, { document, offset, tokens }: Passage, tokenizer: Tokenizer) {
  const begin = documentStart(dataset, document);
  const [from, to] = [begin + offset, begin + offset + tokens.length];
  const end = documentStart(dataset, document + 1);
  const shown = (start: number, stop: number) => tokenizer.decode(tokensBetween(dataset, start, stop));
  return {
    before: shown(Math.max(begin, from - CONTEXT), from),
    after: shown(to, Math.min(end, to + CONTEXT)),
  };
}

/** Throws an ExplainError for data that was prepared with another tokenizer. */
export function checkTokenizer({ prefix, sidecar }: Dataset, tokenizer: Tokenizer): void {
  if (sidecar === undefined || sidecar.tokenizer.fingerprint === tokenizer.fingerprint) return;
  throw new ExplainError(
    `${prefix}: was prepared with another tokenizer than the model's, so its passages cannot be read`,
  );
}
