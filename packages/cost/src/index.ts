/** What a model configuration or a training run costs. Numbers in, numbers out. */
export {
  type ClusterStep,
  type ClusterTime,
  clusterStepTime,
  fittedConstants,
  type Split,
  type SplitTraffic,
  splitTraffic,
  tensorTrafficBytes,
} from "./cluster.ts";
export { type Device, devices, findDevice } from "./devices.ts";
export { emissionsKilograms, energyKilowattHours } from "./energy.ts";
export {
  type Flops,
  type FlopsOptions,
  flopsPerSample,
  flopsPerToken,
} from "./flops.ts";
export {
  type ActivationOptions,
  type ActivationShape,
  fusedActivationBytesPerLayer,
  type StateBytes,
  stateBytesPerParameter,
  storedActivationBytesPerLayer,
} from "./memory.ts";
export { transformerParameters } from "./parameters.ts";
export { bestFor, effectiveTokens, predictedLoss, type ScalingLaw } from "./scaling-law.ts";
export {
  type AttentionShape,
  describeTransformer,
  type FeedForwardShape,
  type LayerShape,
  type ModelShape,
  type SampleLengths,
  type TransformerShape,
} from "./shapes.ts";
export { smallModelLaw } from "./small-models.ts";
export {
  type DeviceMemory,
  deviceMemory,
  type ModelStep,
  possibleSplits,
  type SplitOptions,
  type SplitPlan,
  type StageShare,
} from "./splits.ts";
export { modelFlopsPerSecond, secondsLeft, trainingSeconds, utilization } from "./throughput.ts";
