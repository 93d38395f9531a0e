/** The mesh of ranks, the scope that declares weights, and the layers that are split over ranks. */
export {
  type Communicator,
  copyToTensorParallelRegion,
  reduceFromTensorParallelRegion,
  singleRank,
  type WireOptions,
} from "./communicator.ts";
export { type CountedTransport, countSentBytes } from "./communicators/counted-transport.ts";
export type { Operation, ReduceOptions, Reducible, Wire } from "./communicators/reduce.ts";
export type { ExchangeOptions, Messages, Transport } from "./communicators/transport.ts";
export { type Reach, type RowRange, rowsInReach, withRowsInReach } from "./context.ts";
export {
  createVocabularyParallelEmbedding,
  type VocabularyParallelEmbedding,
} from "./embedding.ts";
export { afterStep, ParallelError, RankError } from "./errors.ts";
export { type Initializer, normal, ones, truncatedNormal, uniform, zeros } from "./initializers.ts";
export { createColumnParallelLinear, createRowParallelLinear, type Layer, type LinearOptions } from "./linear.ts";
export { vocabularyParallelCrossEntropy } from "./loss.ts";
export { type Axis, createMesh, type Mesh, type MeshLayout, singleRankMesh } from "./mesh.ts";
export { heldPart, partOf, wholeOf } from "./parts.ts";
export {
  type AdapterConfig,
  countParameters,
  createScope,
  fromSeed,
  type Parameter,
  type ParameterDeclaration,
  type ParameterKind,
  type ParameterSource,
  type Parameters,
  type Placement,
  type Scope,
  type ScopeOptions,
  shapeOnly,
  trainedParameters,
} from "./scope.ts";
export { enterSplitRegion, gatherRows, heldRows, leaveSplitRegion, scatterRows } from "./sequence.ts";
export { receiveAllShaped, receiveShaped, SHAPED_HEADER_BYTES, sendAllShaped, sendShaped } from "./shaped-messages.ts";
export { wholeLogits } from "./whole-logits.ts";
