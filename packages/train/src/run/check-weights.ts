/** Checks that weights are finite before they are saved: an update can overflow although loss and gradients are finite. */
import type { Model } from "@megatron-ts/model";
import { trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { NonFiniteError } from "./events.ts";

/** Throws a NonFiniteError that names the first parameter with a NaN or infinite value. */
export function checkWeights({ parameters }: Model, step: number): void {
  for (const { name, tensor } of trainedParameters(parameters).values()) {
    // Zero times any finite number is zero, times others NaN.
    const sum = tf.tidy(() => tf.sum(tf.mul(tensor, 0)).dataSync()[0]!);
    if (Number.isFinite(sum)) continue;
    throw new NonFiniteError(
      `step ${step}: the update made ${name} NaN or infinite; it was not saved and the last checkpoint is intact: ` +
        "lower the learning rate, then resume",
    );
  }
}
