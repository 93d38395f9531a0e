/**
 * Refuses a model of which this rank's part alone fits in no memory of this machine, before anything is allocated. A run with
 * `checkFits` knows more: what optimizers and activations add.
 */

import { createModel, type ModelConfig } from "@megatron-ts/model";
import { type Mesh, shapeOnly, singleRankMesh } from "@megatron-ts/parallel";
import { ConfigError } from "../errors.ts";
import { formatBytes, formatQuantity } from "../logging/quantities.ts";
import { machineMemory } from "../plan/machine-memory.ts";

/** Weights and gradients in float32. */
const LEAST_BYTES = 8;

/**
 * Checks the weights and gradients that this rank has of a model against the memory of this machine, or of its container.
 * @param options.stages the number of layers of each stage, in a pipeline
 * @throws ConfigError for a model that is too large
 */
export function checkMemory(
  config: ModelConfig,
  {
    mesh = singleRankMesh,
    stages,
    available = machineMemory(),
  }: { mesh?: Mesh; stages?: readonly number[]; available?: number } = {},
): void {
  const { parameters } = createModel(config, { mesh, stages, weights: { source: shapeOnly } });
  const held = [...parameters.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const needed = LEAST_BYTES * held;
  if (needed <= available) return;
  const message =
    `has ${formatQuantity(held)} parameters on this rank, whose weights and gradients take ${formatBytes(needed)}; ` +
    `this machine has ${formatBytes(available)}: choose a smaller model`;
  throw new ConfigError([{ path: "model", message }]);
}
