/** Absolute positions of tokens behind what a cache holds. */
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "./errors.ts";

/** int32 [B, T]: offsets[b] + t. Throws a ModelError where the model has no such position. */
export function positionsFrom(
  offsets: Int32Array,
  { tokens, maxPositions }: { tokens: number; maxPositions: number },
): tf.Tensor2D {
  const positions = new Int32Array(offsets.length * tokens);
  offsets.forEach((offset, row) => {
    if (offset + tokens > maxPositions) {
      throw new ModelError(`${offset + tokens} tokens do not fit the model's ${maxPositions} positions`);
    }
    for (let token = 0; token < tokens; token++) positions[row * tokens + token] = offset + token;
  });
  return tf.tensor2d(positions, [offsets.length, tokens], "int32");
}
