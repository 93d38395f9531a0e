/** The mesh of ranks, the scope that declares weights, and the layers that are split over ranks. */
export {
  type Communicator,
  copyToTensorParallelRegion,
  reduceFromTensorParallelRegion,
  singleRank,
} from "./communicator.ts";
export {
  createVocabularyParallelEmbedding,
  type VocabularyParallelEmbedding,
} from "./embedding.ts";
export { ParallelError } from "./errors.ts";
export { type Initializer, normal, ones, truncatedNormal, zeros } from "./initializers.ts";
export { createColumnParallelLinear, createRowParallelLinear, type Layer, type LinearOptions } from "./linear.ts";
export { vocabularyParallelCrossEntropy } from "./loss.ts";
export { type Axis, type Mesh, singleRankMesh } from "./mesh.ts";
export {
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
  shapeOnly,
} from "./scope.ts";
