/** The stage of a pipeline that a rank runs: some of a model's layers, with what comes before or after all of them at its ends. */
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
 * One of the stages, by the number of layers in each.
 * @throws ModelError unless they have all layers of the model and at least one each
 */
export function stageAt(layers: readonly number[], { rank, numLayers }: { rank: number; numLayers: number }): Stage {
  const starts = [0, ...layers].map((_, index, all) => all.slice(0, index + 1).reduce((sum, count) => sum + count));
  if (starts.at(-1) !== numLayers || layers.some((count) => count < 1)) {
    throw new ModelError(`expected stages of at least one layer each, ${numLayers} together; got ${layers.join(", ")}`);
  }
  return {
    first: starts[rank]!,
    end: starts[rank + 1]!,
    isFirst: rank === 0,
    isLast: rank === layers.length - 1,
  };
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

/** Whether a weight belongs to a stage: those of neither input nor layers are the last one's. */
export function heldOn(
  stage: Stage | null,
  { input, shared = [], nameOf = (layer) => layer }: WeightPlaces,
): (name: string) => boolean {
  if (!stage) return () => true;
  const layers = new Set(Array.from({ length: stage.end - stage.first }, (_, i) => nameOf(stage.first + i)));
  const isOf = (scopes: readonly string[], name: string) => scopes.some((scope) => name.startsWith(`${scope}.`));
  return (name) => {
    const layer = /^layers\.(\d+)\./.exec(name);
    if (layer) return layers.has(Number(layer[1]));
    if (isOf(input, name)) return stage.isFirst || (stage.isLast && isOf(shared, name));
    return stage.isLast;
  };
}
