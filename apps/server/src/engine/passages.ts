/** Finds passages of a model's training data, if the operator lets clients see them. The data is indexed at the first request. */
import {
  checkTrainingData,
  openTrainingData,
  type TrainingData,
  type TrainingPassages,
} from "@megatron-ts/explain/passages";
import type { ServedModel } from "./load-served-model.ts";

/** Prefixes of prepared data; true for what the model's recipe names. */
export type ServedData = true | readonly string[];

/** The passages nearest to a text. Rejects as `openTrainingData` and its `nearest` do. */
export type PassageSearch = (text: string, options: { topK: number }) => Promise<TrainingPassages>;

/** Searches for one model. Null if clients may not see the data, or nobody says what it is. Throws a DataError for data that is none. */
export async function createPassageSearch(
  { tokenizer, recipe }: Pick<ServedModel, "tokenizer" | "recipe">,
  data: ServedData | undefined,
): Promise<PassageSearch | null> {
  const prefixes = data === true ? trainedOn(recipe) : (data ?? []);
  if (prefixes.length === 0) return null;
  await checkTrainingData(prefixes);
  let opening: Promise<TrainingData> | null = null;
  return async (text, options) => {
    opening ??= openTrainingData(prefixes);
    return (await opening).nearest(tokenizer, text, options);
  };
}

function trainedOn(recipe: object | null): string[] {
  const { train } = (recipe as { data?: { train?: string | { prefix: string }[] } } | null)?.data ?? {};
  return typeof train === "string" ? [train] : (train ?? []).map(({ prefix }) => prefix);
}
