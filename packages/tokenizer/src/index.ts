export { TokenizerError } from "./errors.ts";
export { type CreateTokenizerOptions, createTokenizer } from "./json/create-tokenizer.ts";
export { parseTokenizerJson } from "./json/parse-tokenizer-json.ts";
export {
  type AddedToken,
  type BpeModel,
  formatTokenizerJson,
  type TokenizerJson,
  type TokenizerPart,
} from "./json/tokenizer-json.ts";
export { type SpecialTokenRole, specialTokenId, specialTokenNames } from "./special-tokens.ts";
export { breakSpecialTokens, encodeRendered, missingTokens } from "./spell-out.ts";
export { createTokenBuffer, type TokenBuffer } from "./token-buffer.ts";
export { createTokenBytes } from "./token-bytes.ts";
export type { DecodeOptions, EncodeOptions, TokenDecoder, Tokenizer } from "./tokenizer.ts";
export { tokenizerConfig } from "./tokenizer-config.ts";
export { sharedFrame } from "./training/shared-frame.ts";
export type { TokenTemplate } from "./training/template.ts";
export { type TrainBpeOptions, trainBpe } from "./training/train-bpe.ts";
export { type TrainUnigramOptions, trainUnigram } from "./training/train-unigram.ts";
export { type TrainWordPieceOptions, trainWordPiece } from "./training/train-wordpiece.ts";
export type { TrainingOptions, TrainingProgress } from "./training/training-options.ts";
export type { Texts } from "./training/word-counts.ts";
