/** Refuses a model that no memory of this machine holds, before anything is allocated. */

import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";
import { createModel, type ModelConfig } from "@megatron-ts/model";
import { countParameters, shapeOnly } from "@megatron-ts/parallel";
import { ConfigError } from "../errors.ts";

/** Weights and gradients in float32. What optimizers and activations add depends on the run. */
const LEAST_BYTES = 8;

/**
 * Checks the weights and gradients of a model against the memory of this machine, or of its container.
 * @throws ConfigError for a model that is too large
 */
export function checkMemory(config: ModelConfig, available = memoryOfMachine()): void {
  const parameters = countParameters(createModel(config, { weights: { source: shapeOnly } }).parameters);
  const needed = LEAST_BYTES * parameters;
  if (needed <= available) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
  const message =
    `has ${parameters.toPrecision(3)} parameters, whose weights and gradients take ${gigabytes(needed)}; ` +
    `this machine has ${gigabytes(available)}: choose a smaller model`;
  throw new ConfigError([{ path: "model", message }]);
}

/** In bytes. Without a limit, the constrained memory is 0, undefined or larger than any machine's. */
function memoryOfMachine(): number {
  const limit = constrainedMemory?.();
  return limit ? Math.min(limit, totalmem()) : totalmem();
}
