/**
 * The stages of a pipeline that a rank runs: some of a model's layers, with what comes before or after all of them at its ends. A rank
 * of an interleaved pipeline runs several, its chunks.
 */
import { ModelError } from "./errors.ts";

/** Layers `first` to `end`, exclusive. */
export interface Stage {
  readonly first: number;
  readonly end: number;
  /** Whether it embeds the tokens. */
  readonly isFirst: boolean;
  /** Whether it has what follows the layers: the final norm and the heads. */
  readonly isLast: boolean;
}

/**
 * The stages of one rank, by the number of layers in each of all stages: every `size`th (Narayanan et al. 2021, section 2.2).
 * @throws ModelError unless they have all layers of the model and at least one each
 */
export function stagesOfRank(
  layers: readonly number[],
  { rank, size, numLayers }: { rank: number; size: number; numLayers: number },
): Stage[] {
  const starts = [0, ...layers].map((_, index, all) => all.slice(0, index + 1).reduce((sum, count) => sum + count));
  if (starts.at(-1) !== numLayers || layers.some((count) => count < 1)) {
    throw new ModelError(`expected stages of at least one layer each, ${numLayers} together; got ${layers.join(", ")}`);
  }
  return layers.flatMap((_, stage) =>
    stage % size === rank
      ? [{ first: starts[stage]!, end: starts[stage + 1]!, isFirst: stage === 0, isLast: stage === layers.length - 1 }]
      : [],
  );
}

/** Where the weights of a model are. */
export interface WeightPlaces {
  /** Scopes of the input, on the first stage. */
  input: readonly string[];
  /** Those of them that the last stage has too, such as a tied embedding. */
  shared?: readonly string[];
  /** The number in the name of a layer's weights. Default: the layer's own. */
  nameOf?: (layer: number) => number;
}

/** Whether a weight belongs to one of these stages: those of neither input nor layers are the last one's. */
export function heldOn(
  stages: readonly Stage[] | null,
  { input, shared = [], nameOf = (layer) => layer }: WeightPlaces,
): (name: string) => boolean {
  if (!stages) return () => true;
  const layers = new Set(
    stages.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => nameOf(first + i))),
  );
  const [isFirst, isLast] = [stages.some((stage) => stage.isFirst), stages.some((stage) => stage.isLast)];
  return (name) => {
    const layer = /^layers\.(\d+)\./.exec(name);
    if (layer) return layers.has(Number(layer[1]));
    if (isIn(input, name)) return isFirst || (isLast && isIn(shared, name));
    return isLast;
  };
}

/** Whether a weight is in one of these scopes. */
export const isIn = (scopes: readonly string[], name: string): boolean =>
  scopes.some((scope) => name.startsWith(`${scope}.`));
