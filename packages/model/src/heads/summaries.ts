/** One vector for a whole sequence, and the parts of a model that may be absent. */
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../errors.ts";

/** The states of the first token: [B, T, h] -> [B, h]. */
export const firstToken = (states: tf.Tensor): tf.Tensor => tf.squeeze(tf.slice(states, [0, 0, 0], [-1, 1, -1]), [1]);

/** The states of the last token: [B, T, h] -> [B, h]. */
export const lastToken = (states: tf.Tensor): tf.Tensor =>
  tf.squeeze(tf.slice(states, [0, states.shape[1]! - 1, 0], [-1, 1, -1]), [1]);

/** A part of a model. Throws a ModelError that names the field of the configuration that left it out. */
export function requirePart<Part>(part: Part | null | undefined, field: string): Part {
  if (!part) throw new ModelError(`this model was built without that part: its ${field} is not set`);
  return part;
}
