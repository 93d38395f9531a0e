export { type DecodedToken, type DecodeOptions, decode, type FinishReason } from "./decode.ts";
export { GenerateError, LogitsError } from "./errors.ts";
export { type FilledText, type FillOptions, fillMasks } from "./fill-masks.ts";
export { type Completion, type GenerateOptions, generate, streamText, type TextPiece } from "./generate.ts";
export type { MaskPrediction } from "./masks/most-likely.ts";
export { prefixTokens } from "./prompts/prefix-tokens.ts";
export type { SamplingOptions } from "./sampling/options.ts";
export { sample } from "./sampling/sample.ts";
export type { SessionOptions } from "./sessions/decoding-session.ts";
