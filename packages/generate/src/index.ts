export { type DecodedToken, type DecodeOptions, decode } from "./decode.ts";
export { GenerateError } from "./errors.ts";
export { type Completion, type GenerateOptions, generate, streamText, type TextPiece } from "./generate.ts";
export { likeliest, type SamplingOptions, sample } from "./sampling.ts";
export { createStopMatcher, type StopMatcher } from "./stop-strings.ts";
