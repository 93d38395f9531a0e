/** Summaries of a sequence as one vector, and access to optional parts of a model. */
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../errors.ts";

/** The states of the first token: [B, T, h] -> [B, h]. */
export const firstToken = (states: tf.Tensor): tf.Tensor => tf.squeeze(tf.slice(states, [0, 0, 0], [-1, 1, -1]), [1]);

/** The states of the last token: [B, T, h] -> [B, h]. */
export const lastToken = (states: tf.Tensor): tf.Tensor =>
  tf.squeeze(tf.slice(states, [0, states.shape[1]! - 1, 0], [-1, 1, -1]), [1]);

/** Returns the part, or throws a ModelError that names the configuration field that left it out. */
export function requirePart<Part>(part: Part | null | undefined, field: string): Part {
  if (!part) throw new ModelError(`the model was built without this part: ${field} is not set`);
  return part;
}
