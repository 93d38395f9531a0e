/**
 * Which modules of the reference our layers are. A module of theirs may be several of ours, such as the query, key and value
 * of GPT-2. Where there is no reference, modules have our names.
 */
import { type ForeignWeight, formatForModel, type ModelConfig, ModelError } from "@megatron-ts/model";

/** Where our layer lies in a module: rows of the product of its adapter, or columns. */
export interface ModulePart {
  /** The path of our layer. */
  layer: string;
  module: string;
  /** The outputs (or the inputs) of the module that are ours; null for all. */
  slice: { of: "outputs" | "inputs"; first: number; count: number; whole: number } | null;
}

/** Our weights' names in the reference. */
function referenceNames(config: ModelConfig): ReadonlyMap<string, ForeignWeight> | null {
  try {
    const names = formatForModel(config).names(config);
    // What the reference does not have as a linear module, PEFT cannot adapt.
    return [...names.values()].some(({ shape }) => shape !== undefined) ? null : names;
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

const withoutWeight = (name: string) => name.replace(/\.weight$/, "");

/** Finds the modules of a model's layers and the names of its other weights. */
export function modulesOf(config: ModelConfig): {
  /** The part that a layer is; `shape` is that of its weight, [outputs, inputs]. */
  partOf(layer: string, shape: readonly number[]): ModulePart;
  /** The name of a weight in the reference. */
  nameOf(weight: string): string;
  /** Whether weights of linear modules are transposed. */
  isTransposed(layer: string): boolean;
} {
  const names = referenceNames(config);
  const foreign = (weight: string): ForeignWeight => names?.get(weight) ?? { name: weight };
  return {
    nameOf: (weight) => foreign(weight).name,
    isTransposed: (layer) => foreign(`${layer}.weight`).transposed ?? false,
    partOf(layer, [outputs, inputs]) {
      const { name, part, rows, transposed = false } = foreign(`${layer}.weight`);
      const module = withoutWeight(name);
      if (rows)
        return { layer, module, slice: { of: "outputs", first: rows.first, count: rows.count, whole: rows.of } };
      if (!part) return { layer, module, slice: null };
      const of = transposed ? "outputs" : "inputs";
      const count = transposed ? outputs! : inputs!;
      return { layer, module, slice: { of, first: part.index * count, count, whole: part.count * count } };
    },
  };
}
