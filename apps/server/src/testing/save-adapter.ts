/** Saves an adapter with random weights for a checkpoint, in PEFT's format. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCheckpoint, peftFiles, weightsFingerprint } from "@megatron-ts/checkpoint";
import { createModel, isAdapterWeight, type Model, type ModelConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";

/** Saves it in a new directory. `model` is the one of the checkpoint in `base`. */
export function saveAdapter(directory: string, base: { model: Model; directory: string }): void {
  const config = base.model.config as ModelConfig;
  const adapter = { rank: 2, alpha: 3, targets: "all", dropout: 0 } as const;
  const own = createModel(config, {
    weights: { source: ({ name, shape }) => (isAdapterWeight(name) ? tf.randomNormal([...shape], 0, 0.3) : null) },
    adapter,
  });
  const weights = [...own.parameters.values()].filter(({ name }) => isAdapterWeight(name));
  const entries = weights.map(({ name, tensor }) => {
    const bytes = new Uint8Array(tensor.dataSync().slice().buffer);
    return { name, dtype: "F32" as const, shape: tensor.shape, bytes: () => bytes };
  });
  const checkpoint = loadCheckpoint(base.directory);
  const origin = { directory: base.directory, fingerprint: weightsFingerprint(checkpoint) };
  checkpoint.close();
  mkdirSync(directory);
  for (const [file, bytes] of Object.entries(peftFiles(entries, { config, adapter, base: origin }))) {
    writeFileSync(join(directory, file), bytes);
  }
  tf.dispose(weights.map(({ tensor }) => tensor));
}
