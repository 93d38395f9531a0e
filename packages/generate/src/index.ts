export { type DecodedToken, type DecodeOptions, decode } from "./decode.ts";
export { GenerateError } from "./errors.ts";
export { type FilledText, type FillOptions, fillMasks, type MaskAlternative } from "./fill-masks.ts";
export { type Completion, type GenerateOptions, generate, streamText, type TextPiece } from "./generate.ts";
export { likeliest, type SamplingOptions, sample } from "./sampling/sample.ts";
export { createStopMatcher, type StopMatcher } from "./sampling/stop-strings.ts";
export type { WriterOptions, WritingModel } from "./sessions/decoding-session.ts";
