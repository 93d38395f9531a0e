/** Absolute positions of tokens, after those in a cache and around padding. */
import { constant } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../errors.ts";

/** int32 [B, T]: offsets[b] + t. Throws a ModelError if they exceed the model's positions. */
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

/** The same for offsets int32 [B], unchecked: int32 [B, T]. */
export function positionsAfter(offsets: tf.Tensor, { tokens }: { tokens: number }): tf.Tensor {
  const places = constant(() => tf.range(0, tokens, 1, "int32"));
  return tf.add(tf.reshape(offsets, [-1, 1]), places);
}

/**
 * Positions int32 [B, T] of tokens int32 [B, T] as in fairseq and RoBERTa: they start at paddingToken + 1 and skip padding,
 * whose own position is paddingToken. Throws a ModelError if they exceed the model's positions.
 */
export function positionsBehindPadding(
  tokens: tf.Tensor,
  { paddingToken, maxPositions }: { paddingToken: number; maxPositions: number },
): tf.Tensor2D {
  const [rows, width] = tokens.shape as [number, number];
  const ids = tokens.dataSync();
  const positions = new Int32Array(ids.length).fill(paddingToken);
  for (let row = 0; row < rows; row++) {
    let last = paddingToken;
    for (let place = row * width; place < (row + 1) * width; place++) {
      if (ids[place] !== paddingToken) positions[place] = ++last;
    }
    if (last >= maxPositions) {
      throw new ModelError(
        `${last - paddingToken} tokens do not fit the model's ${maxPositions - paddingToken - 1} positions`,
      );
    }
  }
  return tf.tensor2d(positions, [rows, width], "int32");
}
