/** How long a training step takes on this machine: a few micro-batches of it, small enough for some seconds, on text of no disk. */
import type { ModelConfig } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { energyConfigSchema } from "../energy/configuration.ts";
import { createEnergyMeter } from "../energy/energy-meter.ts";
import { buildTraining } from "../run/build-training.ts";
import { trainStep } from "../run/train-step.ts";
import { captureLossAndGradients, type LossAndGradients } from "../step/loss-and-gradients.ts";
import { standInBatch } from "./stand-in-batch.ts";

/** What a step of one rank takes here. */
export interface StepMeasurement {
  secondsPerStep: number;
  /** Of the machine, while it trains. */
  watts: number;
  /** How the power is known, in words. */
  energyMethod: string;
}

/** Tokens of a measured micro-batch, about. */
const TOKENS = 2048;

/** Trains for about `seconds`, at least two updates, and forgets the weights. The engine must be started. */
export async function measureStep(
  configuration: PretrainConfig,
  { model: config, tokenizer, seconds }: { model: ModelConfig; tokenizer: Tokenizer; seconds: number },
): Promise<StepMeasurement> {
  const { train, data, engine, parallel, energy } = configuration;
  const rows = Math.ceil(train.batchSize / parallel.data);
  const micro = Math.min(train.microBatchSize, rows, Math.max(1, Math.floor(TOKENS / data.sequenceLength)));
  const small = { ...configuration, train: { ...train, batchSize: micro, microBatchSize: micro } };
  const { objective, batch } = standInBatch(small, { model: config, tokenizer });
  const sources = { train: small.train, step: 0, checkpoint: null, init: null, precision: engine.precision };
  const { model, optimizer, average } = buildTraining(config, sources);
  const steps = captureLossAndGradients();
  const taken: { compute: number; update: number }[] = [];
  let computed = 0;
  const compute: LossAndGradients = (...args) => {
    const began = performance.now();
    const results = steps.compute(...args);
    // The loss is there when all is.
    results[0]!.dataSync();
    computed = performance.now() - began;
    return results;
  };
  try {
    const meter = createEnergyMeter(energyConfigSchema.parse(energy));
    const start = performance.now();
    while (taken.length < 2 || performance.now() - start < 1000 * seconds) {
      const began = performance.now();
      const learningRate = train.optimizer.learningRate / 1000;
      withPrecision(engine.precision, () =>
        trainStep(batch, {
          model,
          objective,
          optimizer,
          compute,
          train: small.train,
          step: taken.length,
          learningRate,
        }),
      );
      average?.update(taken.length + 1);
      taken.push({ compute: computed, update: performance.now() - began - computed });
      // Signals are delivered only when the loop yields.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const watts = meter.joules() / ((performance.now() - start) / 1000);
    const typical = (part: keyof (typeof taken)[number]) => median(taken.slice(1).map((each) => each[part])) / 1000;
    const secondsPerStep = (typical("compute") * rows) / micro + typical("update");
    return { secondsPerStep, watts, energyMethod: meter.method };
  } finally {
    steps.dispose();
    average?.dispose();
    optimizer.dispose();
    model.dispose();
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
