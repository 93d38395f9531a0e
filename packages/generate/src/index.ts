export { type BatchOptions, createBatch, createBatches } from "./batching/create-batch.ts";
export type { DecodingBatch, SequenceEvent, SequenceRequest } from "./batching/decoding-batch.ts";
export { type BeamSearchOptions, beamSearch } from "./beam/beam-search.ts";
export type { Beam } from "./beam/beams.ts";
export { type BeamCompletion, type GenerateBeamsOptions, generateBeams } from "./beam/generate-beams.ts";
export type { BeamOptions } from "./beam/options.ts";
export {
  type Constraint,
  type ConstraintFactory,
  createConstraintFactory,
  type Pattern,
} from "./constraints/constraint.ts";
export { decode } from "./decode.ts";
export type { DecodedToken, DecodeOptions, FinishReason } from "./decoding.ts";
export { GenerateError, LogitsError } from "./errors.ts";
export { type FilledText, type FillOptions, fillMasks } from "./fill-masks.ts";
export { type Completion, type GenerateOptions, generate, streamText, type TextPiece } from "./generate.ts";
export type { MaskPrediction } from "./masks/most-likely.ts";
export { type EncodedPrompts, type EncodePromptsOptions, encodePrompts } from "./prompts/encode-prompts.ts";
export { prefixTokens } from "./prompts/prefix-tokens.ts";
export { skippedTokens } from "./prompts/skipped-tokens.ts";
export type { ScoredToken, TokenLogProbability } from "./sampling/log-probabilities.ts";
export type { SamplingOptions } from "./sampling/options.ts";
export { sample } from "./sampling/sample.ts";
export { createStopMatcher, type StopMatcher } from "./sampling/stop-strings.ts";
export type { SessionOptions } from "./sessions/decoding-session.ts";
export type { DraftOutcome, SpeculationOptions } from "./speculation/options.ts";
export { storeWeights } from "./store-weights.ts";
