/** Checks how many layers a configuration claims before anything is built by it. */
import { userError } from "./errors.ts";

/**
 * Every layer has at least one tensor, so a file cannot have more layers than tensors.
 * @throws CheckpointError if it claims more
 */
export function checkLayerCount(config: object, { tensors, source }: { tensors: number; source: string }): void {
  for (const field of ["numLayers", "numDecoderLayers"] as const) {
    const layers = (config as { numLayers?: number; numDecoderLayers?: number })[field] ?? 0;
    if (layers > tensors)
      throw userError(`${source}: its configuration has ${layers} layers, but it has only ${tensors} tensors`);
  }
}
