/**
 * The recipe that `megatron start` trains a text with: a small decoder, Muon, and a schedule that cools down for most of
 * the run. Chosen by experiment; see bench/README.md.
 */
import type { PretrainConfig } from "./pretrain-configuration.ts";

/** What differs between the sizes of the recipe. */
export interface StarterSize {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
}

/** The sizes that a run of minutes to hours chooses from, smallest first; heads of 64. */
export const starterSizes: readonly StarterSize[] = [
  { numLayers: 2, hiddenSize: 64, numHeads: 1 },
  { numLayers: 2, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 128, numHeads: 2 },
  { numLayers: 4, hiddenSize: 192, numHeads: 3 },
  { numLayers: 4, hiddenSize: 256, numHeads: 4 },
  { numLayers: 6, hiddenSize: 320, numHeads: 5 },
  { numLayers: 6, hiddenSize: 384, numHeads: 6 },
  { numLayers: 8, hiddenSize: 512, numHeads: 8 },
  { numLayers: 12, hiddenSize: 768, numHeads: 12 },
];

/** Tokens in a sample, and samples in a batch. */
export const starterBatch = { sequenceLength: 256, batchSize: 8 };

/** What learns most in a few minutes. */
const starterModel = {
  dropout: 0,
  attentionDropout: 0,
  positions: "rotary",
  norm: "rms",
  biases: false,
  queryKeyNorm: true,
  embeddingNorm: true,
  activation: "squared-relu",
  zeroInitializedOutputs: true,
  tiedEmbeddings: false,
};

/** Options of `starterRecipe`. Paths are those of the recipe. */
export interface StarterOptions {
  size: StarterSize;
  /** Updates that the run plans; with `minutes`, the clock may end it earlier, in the same shape. */
  steps: number;
  minutes?: number;
  tokenizer: string;
  data: PretrainConfig["data"]["train"];
  validation?: PretrainConfig["data"]["validation"];
  run: string;
  precision: PretrainConfig["engine"]["precision"];
  seed?: number;
}

/** A recipe, as an object to be formatted as YAML or parsed with `pretrainConfigSchema`. */
export function starterRecipe({
  size,
  steps,
  minutes,
  tokenizer,
  data,
  validation,
  run,
  precision,
  seed,
}: StarterOptions) {
  const { sequenceLength, batchSize } = starterBatch;
  const warmupSteps = Math.min(10, Math.ceil(steps / 10));
  // About twenty evaluations and checkpoints, whatever the length of the run.
  const every = Math.max(20, Math.round(steps / 20));
  return {
    model: { ...size, maxPositions: sequenceLength, ...starterModel },
    data: { tokenizer, train: data, ...(validation && { validation }), sequenceLength },
    train: {
      optimizer: {
        name: "muon",
        learningRate: 0.012,
        momentumWarmup: { start: 0.85, steps: 100 },
        weightDecay: 0,
        adamw: { learningRate: 4e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-10, weightDecay: 0 },
      },
      // Constant, then linear to zero over the last 60 % of the steps, or of the time.
      schedule: {
        name: "wsd",
        warmupSteps,
        decaySteps: Math.max(1, Math.round(0.6 * steps)),
        decay: "linear",
        minimum: 0,
      },
      steps,
      ...(minutes !== undefined && { timeLimitMinutes: minutes }),
      batchSize,
      microBatchSize: batchSize,
      evaluation: { every, batches: 8 },
      checkpoint: { every, keepLast: 2 },
      log: { every: 20, tensorboard: false },
      ...(seed !== undefined && { seed }),
    },
    engine: { precision },
    run: { directory: run },
  };
}
