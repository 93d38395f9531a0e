/** What a run takes on accelerators, by formulas: the recipe's split, or the fastest of all that fit. */
import type { Device, SplitPlan } from "@megatron-ts/cost";
import type { ModelConfig } from "@megatron-ts/model";
import type { PretrainConfig, StepPlan } from "@megatron-ts/train";
import { UsageError } from "../errors.ts";

/** The split of a run, and what it takes. */
export interface DevicePlan extends SplitPlan {
  device: Device;
  devices: number;
  flopsPerSecondPerDevice: number;
}

/** Devices to plan for, and the option that says how many there are, for messages. */
interface ChosenDevices {
  device: Device;
  devices: number;
  option: string;
}

/** The devices of the options `--cluster`, or `--device` and `--count`. Throws a UsageError for a device that is unknown. */
export async function chooseDevices({
  cluster,
  device: name,
  count,
}: {
  cluster?: string;
  device?: string;
  count?: number;
}): Promise<ChosenDevices | null> {
  if (cluster !== undefined) {
    if (name !== undefined || count !== undefined) {
      throw new UsageError(
        `--cluster ${cluster}: expected neither --device nor --count beside it, since the file names both`,
      );
    }
    const { loadCluster } = await import("@megatron-ts/train");
    return { ...loadCluster(cluster), option: `--cluster ${cluster}` };
  }
  if (name === undefined) {
    if (count === undefined) return null;
    throw new UsageError(`--count ${count}: expected --device beside it, or --cluster instead`);
  }
  const { devices: known, findDevice } = await import("@megatron-ts/cost");
  const device = findDevice(name);
  if (!device) {
    throw new UsageError(`--device ${name}: expected one of ${known.map((each) => each.name).join(", ")}`);
  }
  return { device, devices: count ?? 1, option: `--count ${count ?? 1}` };
}

/** Throws a UsageError where no split is possible. */
export async function planOnDevices(
  configuration: PretrainConfig,
  { device, devices, option, model, step }: ChosenDevices & { model: ModelConfig; step: StepPlan },
): Promise<DevicePlan> {
  const { possibleSplits } = await import("@megatron-ts/cost");
  const { stageShares } = await import("@megatron-ts/train");
  const { describeModel } = await import("@megatron-ts/model");
  const { train, data, parallel } = configuration;
  const { tensor, pipeline, virtualStages, data: copies, distributedOptimizer } = parallel;
  const ranks = tensor * pipeline * copies;
  const isGiven = ranks > 1;
  if (isGiven && ranks !== devices) {
    const axes = `parallel.tensor ${tensor} x pipeline ${pipeline} x data ${copies}`;
    throw new UsageError(`${option}: expected ${ranks}, the ranks of ${axes}; or leave these out to choose them`);
  }
  const { hiddenSize, layers } = describeModel(model);
  const numLayers = layers.reduce((sum, group) => sum + group.numLayers, 0);
  const { recompute } = train;
  const [best] = possibleSplits(
    {
      numLayers,
      hiddenSize,
      numHeads: model.numHeads,
      sequenceLength: data.sequenceLength,
      vocabularySize: model.vocabularySize,
      parameters: step.parameters,
      batchSize: train.batchSize,
      hardwareFlops: step.hardwareFlopsPerStep,
      stagesOf: stageShares(model, { tokens: data.sequenceLength, stages: parallel.stages }),
    },
    {
      device,
      devices,
      ...(distributedOptimizer && { distributedOptimizer }),
      ...(isGiven && {
        distributedOptimizer,
        split: { tensor, pipeline, data: copies, ...(virtualStages > 1 && { virtualStages }) },
        microBatchSize: train.microBatchSize,
        recompute: typeof recompute === "string" ? recompute : "full",
      }),
    },
  );
  if (!best) {
    const gigabytes = device.memoryBytes / 1e9;
    throw new UsageError(
      `${option}: no split of ${numLayers} layers, ${model.numHeads} heads and batches of ${train.batchSize} over ${devices} ` +
        `${device.name} leaves no remainder and fits ${gigabytes} GB each`,
    );
  }
  const flops = step.hardwareFlopsPerStep[best.recompute];
  return { ...best, device, devices, flopsPerSecondPerDevice: flops / best.time.total / devices };
}
