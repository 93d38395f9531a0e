export { type AdamWOptions, adamW } from "./adamw.ts";
export { type AttentionOptions, attention } from "./attention.ts";
export { gatherPages } from "./attention-reference.ts";
export { type BlockLayout, blockSize } from "./block-layout.ts";
export { cacheAppend } from "./cache-append.ts";
export { type Captured, type CapturedOptions, captured, type InputValues } from "./capture.ts";
export { type CaptureBackend, constant, type Program } from "./constant.ts";
export { crossEntropy } from "./cross-entropy.ts";
export { distilled, recordLogits, withTeacher } from "./distillation.ts";
export { type DropoutOptions, dropout } from "./dropout.ts";
export { embedding } from "./embedding.ts";
export { ShapeError } from "./errors.ts";
export { type GeluApproximation, gelu } from "./gelu.ts";
export { sumOfSquares } from "./global-norm.ts";
export { type KernelShapes, kernelFlops } from "./kernel.ts";
export { watchKernels } from "./kernel-watch.ts";
export { layerNorm } from "./layer-norm.ts";
export { type Activation, activate, linear } from "./linear.ts";
export { movingAverage } from "./moving-average.ts";
export { type MuonAdjustment, type MuonOptions, muon } from "./muon.ts";
export { type OverwriteBackend, overwrite, swapContents } from "./mutate.ts";
export { droppable, dropping, recompute } from "./recompute.ts";
export { rmsNorm } from "./rms-norm.ts";
export { rotary } from "./rotary.ts";
export { squaredRelu } from "./squared-relu.ts";
export {
  fromBytes,
  type Precision,
  type Storage,
  type StorageBackend,
  storageOf,
  store,
  toBytes,
  withPrecision,
} from "./storage.ts";
export { type Gradients, type VectorJacobianProduct, vjp } from "./vjp.ts";
