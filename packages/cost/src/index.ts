/** What a model configuration or a training run costs. Numbers in, numbers out. */
export { type Device, devices } from "./devices.ts";
export { emissionsKilograms, energyKilowattHours } from "./energy.ts";
export {
  type Flops,
  type FlopsOptions,
  feedForwardFlops,
  flopsPerSample,
  flopsPerToken,
  linearFlops,
  projectionFlops,
  scoreFlops,
  visiblePairs,
} from "./flops.ts";
export {
  type ActivationOptions,
  type ActivationShape,
  fusedActivationBytesPerLayer,
  type StateBytes,
  stateBytesPerParameter,
  storedActivationBytesPerLayer,
} from "./memory.ts";
export { gptParameters } from "./parameters.ts";
export {
  type AttentionShape,
  describeGpt,
  type FeedForwardShape,
  type GptShape,
  type LayerShape,
  type ModelShape,
  type SampleLengths,
} from "./shapes.ts";
export { modelFlopsPerSecond, secondsLeft, trainingSeconds, utilization } from "./throughput.ts";
