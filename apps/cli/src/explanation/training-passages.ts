/** The passages of a model's training data that are nearest to a text, or to what the model writes after it. */
import type { TrainingPassages } from "@megatron-ts/explain/passages";
import { UsageError } from "../errors.ts";
import { generationMode } from "../generation/generation-mode.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";

/** Options of `megatron explain` about training data. */
export interface PassageOptions {
  /** Prefixes of datasets; true for those of the run's recipe. */
  data: true | string[];
  /** Tokens that the model writes after the text, and that are searched for instead of it; 0 for the text itself. */
  write: number;
  topK: number;
}

/** The part of a recipe used here. */
interface Recipe {
  task?: object;
  data?: { train?: string | { prefix: string }[] };
}

/** Searches the data. Throws a UsageError for a model of which nobody says what it was trained on. */
export async function findTrainingPassages(
  trained: TrainedModel,
  { text, data, write, topK }: PassageOptions & { text: string },
  terminal: Terminal,
): Promise<TrainingPassages> {
  const { openTrainingData } = await import("@megatron-ts/explain/passages");
  const searched = write === 0 ? text : await written(trained, text, write);
  const progress = terminal.progress("indexing");
  const prefixes = prefixesOf(trained, data);
  const opened = await openTrainingData(prefixes, { onProgress: (share) => progress.update(share, "") }).finally(() =>
    progress.stop(),
  );
  try {
    return opened.nearest(trained.tokenizer, searched, { topK });
  } finally {
    opened.close();
  }
}

/** Prefixes of the data to search, of which there is one at least. Throws a UsageError where nobody says. */
export function prefixesOf({ recipe, directory }: TrainedModel, data: true | string[]): string[] {
  if (data !== true) return data;
  const { task, data: trainedOn } = (recipe as Recipe | null) ?? {};
  if (task !== undefined) {
    throw new UsageError(`${directory}: was fine-tuned on rows: name prepared data, as in --data data/corpus`);
  }
  const train = trainedOn?.train;
  if (typeof train === "string") return [train];
  if (train) return train.map(({ prefix }) => prefix);
  throw new UsageError(
    `${directory}: does not say what it was trained on: name the prepared data, as in --data data/corpus`,
  );
}

/** What a model writes after a text, taking the likeliest token each time. */
async function written(trained: TrainedModel, text: string, maxTokens: number): Promise<string> {
  const { generate } = await import("@megatron-ts/generate");
  const mode = generationMode(trained, text);
  if (mode.fills) throw new UsageError("--write: this model fills masks and does not write");
  const { prediction, bidirectionalPrompt } = mode;
  const options = { ...trained.generationTokens, prediction, bidirectionalPrompt, maxTokens, temperature: 0 };
  const [completion] = generate(trained, [text], options);
  return completion!.text;
}

const quoted = (text: string) => JSON.stringify(text);

/** Lines for the terminal. Texts of the data are quoted, so that no control character of theirs is printed. */
export function* describePassages({ text, complete, spans, passages }: TrainingPassages): Generator<string> {
  yield `Longest runs of tokens that ${quoted(text)} shares with the training data (all of ${complete} tokens or more are found):`;
  if (spans.length === 0) yield "  none";
  for (const { length, before, text: own, after, ...place } of spans) {
    yield `  ${String(length).padStart(4)}  ${quoted(own)}, ${placeOf(place)}: ${quoted(before + own + after)}`;
  }
  yield "";
  yield "Passages of the training data with the most of its n-grams, rare ones counting more:";
  if (passages.length === 0) yield "  none";
  for (const { similarity, text: own, ...place } of passages) {
    yield `  ${`${(100 * similarity).toFixed(0)} %`.padStart(5)}  ${placeOf(place)}: ${quoted(own)}`;
  }
}

const placeOf = ({ data, document, offset }: { data: string; document: number; offset: number }) =>
  `${data}, document ${document}, token ${offset}`;
