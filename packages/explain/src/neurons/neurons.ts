/**
 * The neurons of a model's feed-forward layers: how active each is while the model reads tokens. A neuron is a row of the second
 * projection, and its activation what that row is multiplied with (Geva et al. 2021 read these layers as memories).
 */
import type { Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "../errors.ts";
import type { NeuronName } from "../reports.ts";

/** The activations of one layer's neurons. */
export interface LayerActivations {
  /** Rows of equally many tokens that were read together. */
  rows: number;
  tokens: number;
  /** Neurons of the layer. */
  size: number;
  /** The activations, in the order row, token, neuron. */
  values: ArrayLike<number>;
}

/**
 * The activations of each layer, in order, for rows of T tokens each. Throws an ExplainError for a model without a stack that reads
 * plain texts.
 */
export function neuronActivations(model: Model, rows: readonly (readonly number[])[]): LayerActivations[] {
  const reader = model.predictors.causal ?? model.predictors.masked;
  if (!reader)
    throw new ExplainError(`${model.config.family}: only models that continue texts or fill masks have neurons here`);
  const layers: LayerActivations[] = [];
  const shape: [number, number] = [rows.length, rows[0]!.length];
  const input = tf.tensor2d(rows.flat(), shape, "int32");
  const { hidden } = reader.forward(
    { tokens: input },
    {
      observe(name, tensor) {
        if (!name.endsWith(".neurons")) return;
        layers.push({ rows: shape[0], tokens: shape[1], size: tensor.shape.at(-1)!, values: tensor.dataSync() });
      },
    },
  );
  tf.dispose([input, hidden]);
  return layers;
}

/** The layer of a neuron. Throws an ExplainError for a neuron that the model does not have. */
export function layerOf(layers: readonly LayerActivations[], { layer, neuron }: NeuronName): LayerActivations {
  const found = layers[layer];
  if (!found) throw new ExplainError(`there is no such layer: the model has ${layers.length} layers of neurons`);
  if (Number.isInteger(neuron) && neuron >= 0 && neuron < found.size) return found;
  throw new ExplainError(`there is no such neuron: the layer has ${found.size} neurons`);
}
