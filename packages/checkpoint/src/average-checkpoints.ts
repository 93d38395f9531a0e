/** The mean of the weights of several checkpoints of one run (Vaswani et al. 2017, section 6.1), as a checkpoint. */
import { userError } from "./errors.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "./load-checkpoint.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import { bytesOf, storedFloats, widen } from "./stored-floats.ts";
import type { TensorEntry } from "./tensor-entry.ts";

/**
 * Saves the mean of checkpoints to a directory of its own, without optimizer state; the recipe, tokenizer and other files are
 * those of the last one. Throws a CheckpointError for none, and for checkpoints of different models.
 */
export async function averageCheckpoints(directories: readonly string[], target: string): Promise<void> {
  if (directories.length === 0) throw userError("there are no checkpoints to average");
  const opened: LoadedCheckpoint[] = [];
  try {
    for (const directory of directories) opened.push(loadCheckpoint(directory));
    const last = opened.at(-1)!;
    const { manifest } = last;
    for (const { directory, manifest: other } of opened) {
      if (JSON.stringify(other.model) !== JSON.stringify(manifest.model)) {
        throw userError(
          `${directory} has another model than ${last.directory}: only checkpoints of one run are averaged`,
        );
      }
    }
    await saveCheckpoint({
      directory: target,
      step: manifest.step,
      consumedSamples: manifest.consumedSamples,
      model: manifest.model,
      tokenizerFingerprint: manifest.tokenizerFingerprint ?? undefined,
      groups: { weights: last.weights.names.map((name) => meanEntry(name, opened)) },
      extraFiles: Object.fromEntries(
        manifest.files
          .filter(({ name }) => !name.endsWith(".safetensors"))
          .map(({ name }) => [name, last.readFile(name)]),
      ),
    });
  } finally {
    for (const checkpoint of opened) checkpoint.close();
  }
}

function meanEntry(name: string, checkpoints: readonly LoadedCheckpoint[]): TensorEntry {
  const { shape } = checkpoints[0]!.weights.info(name);
  return {
    name,
    dtype: "F32",
    shape,
    bytes() {
      const count = shape.reduce((product, size) => product * size, 1);
      const sums = new Float64Array(count);
      for (const { weights } of checkpoints) {
        const values = widen(storedFloats(weights.read(name), { dtype: weights.info(name).dtype, name }));
        for (let i = 0; i < count; i++) sums[i]! += values[i]!;
      }
      return bytesOf(Float32Array.from(sums, (sum) => sum / checkpoints.length));
    },
  };
}
