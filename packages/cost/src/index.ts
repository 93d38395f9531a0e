// Numbers in, numbers out: what a configuration or a run costs.
export { type Device, devices } from "./devices.ts";
export { emissionsKilograms, energyKilowattHours } from "./energy.ts";
export { type FlopsOptions, type FlopsPerToken, flopsPerToken } from "./flops.ts";
export {
  type ActivationOptions,
  type ActivationShape,
  fusedActivationBytesPerLayer,
  type StateBytes,
  stateBytesPerParameter,
  storedActivationBytesPerLayer,
} from "./memory.ts";
export { type BertParts, bertParameters, gptParameters, layerParameters } from "./parameters.ts";
export { modelFlopsPerSecond, secondsLeft, trainingSeconds, utilization } from "./throughput.ts";
export type { TransformerShape } from "./transformer-shape.ts";
