/**
 * The checkpoints that crash tests save: every byte is a function of step and edition, so that a mix of two saves
 * shows.
 */
import type { SaveCheckpointOptions } from "../save-checkpoint.ts";
import type { TensorEntry } from "../tensor-entry.ts";

const tensor = (name: string, size: number, seed: number): TensorEntry => ({
  name,
  dtype: "U8",
  shape: [size],
  bytes: () => Uint8Array.from({ length: size }, (_, i) => (seed * 31 + i * 7) % 251),
});

/** The options that save edition `edition` of step `step`. */
export function checkpointContent(step: number, edition: number): Omit<SaveCheckpointOptions, "directory"> {
  const seed = 2 * step + edition;
  return {
    step,
    consumedSamples: 8 * step,
    model: {},
    training: { edition },
    groups: {
      weights: [tensor("w", 100_000, seed), tensor("b", 77, seed + 1)],
      optimizer: [tensor("w/m", 100_000, seed + 2)],
    },
    extraFiles: { "recipe.yaml": Buffer.from(`edition: ${edition}\n`) },
  };
}
