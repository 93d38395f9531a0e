/** Finds passages of a model's training data, if the operator lets clients see them. */
import type { TextModel } from "@megatron-ts/explain";
import {
  checkTrainingData,
  findNeuronPassages,
  type NeuronPassages,
  openTrainingData,
  type TrainingData,
  type TrainingPassages,
} from "@megatron-ts/explain/passages";
import type { ServedModel } from "./load-served-model.ts";

/** Prefixes of prepared data; true for what the model's recipe names. */
export type ServedData = true | readonly string[];

/** The part of a recipe used here. */
interface SavedRecipe {
  task?: object;
  data?: { train?: string | { prefix: string }[] };
}

/** Searches in the training data. */
export interface PassageSearch {
  /** What is nearest to a text; the data is indexed at the first call. Rejects as `openTrainingData` and its `nearest` do. */
  nearest(text: string, options: { topK: number }): Promise<TrainingPassages>;
  /** What makes a neuron of the model, or of one with an adapter, most active. Rejects as `findNeuronPassages` does. */
  neurons(model: TextModel, options: { layer: number; neuron: number; topK: number }): Promise<NeuronPassages>;
}

/** Searches for one model. Null if clients may not see the data, or nobody says what it is. Throws a DataError for data that is none. */
export async function createPassageSearch(
  { tokenizer, recipe }: Pick<ServedModel, "tokenizer"> & { recipe: object | null },
  data: ServedData | undefined,
): Promise<PassageSearch | null> {
  const prefixes = data === true ? trainedOn(recipe as SavedRecipe | null) : (data ?? []);
  if (prefixes.length === 0) return null;
  await checkTrainingData(prefixes);
  let opening: Promise<TrainingData> | null = null;
  return {
    async nearest(text, options) {
      opening ??= openTrainingData(prefixes);
      return (await opening).nearest(tokenizer, text, options);
    },
    neurons: (model, { layer, neuron, topK }) => findNeuronPassages(model, prefixes, { layer, neuron, topK }),
  };
}

/** The prepared data that a recipe names; none for one of fine-tuning, which names rows. */
function trainedOn(recipe: SavedRecipe | null): string[] {
  if (recipe?.task !== undefined) return [];
  const { train } = recipe?.data ?? {};
  return typeof train === "string" ? [train] : (train ?? []).map(({ prefix }) => prefix);
}
