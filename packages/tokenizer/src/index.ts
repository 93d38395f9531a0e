export { type CreateTokenizerOptions, createTokenizer } from "./create-tokenizer.ts";
export { TokenizerError } from "./errors.ts";
export {
  createTokenBuffer,
  type DecodeOptions,
  type EncodeOptions,
  type TokenBuffer,
  type TokenDecoder,
  type Tokenizer,
} from "./tokenizer.ts";
export {
  type AddedToken,
  type BpeModel,
  formatTokenizerJson,
  parseTokenizerJson,
  type TokenizerJson,
  type TokenizerPart,
} from "./tokenizer-json.ts";
export { END_OF_TEXT, type TrainBpeOptions, type TrainingProgress, trainBpe } from "./train-bpe.ts";
export type { Texts } from "./word-counts.ts";
