/** Attention maps: the share of each key in what a query reads, for each head of each layer. */
import type * as tf from "@tensorflow/tfjs";
import type { Reading } from "./reading.ts";

/** The maps of a layer's heads. */
export interface AttentionMap {
  /** The layer's name in the model, such as `layers.3.attention`. */
  layer: string;
  /** For each head, for each of T queries, the shares of S keys, which add up to 1; 0 for keys that it does not see. */
  heads: number[][][];
}

/** The attention maps of all layers, in order. */
export function attentionMaps(reading: Reading): AttentionMap[] {
  const maps: AttentionMap[] = [];
  reading
    .read((name, tensor) => {
      const layer = /^(.*)\.probabilities$/.exec(name)?.[1];
      // A tensor of one row: [1, H, T, S].
      if (layer !== undefined) maps.push({ layer, heads: (tensor as tf.Tensor4D).arraySync()[0]! });
    })
    .dispose();
  return maps;
}
