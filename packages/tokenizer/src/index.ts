export { TokenizerError } from "./errors.ts";
export { type CreateTokenizerOptions, createTokenizer } from "./json/create-tokenizer.ts";
export {
  type AddedToken,
  type BpeModel,
  formatTokenizerJson,
  parseTokenizerJson,
  type TokenizerJson,
  type TokenizerPart,
} from "./json/tokenizer-json.ts";
export { type SpecialTokenRole, specialTokenId, specialTokenNames } from "./special-tokens.ts";
export {
  createTokenBuffer,
  type DecodeOptions,
  type EncodeOptions,
  type TokenBuffer,
  type TokenDecoder,
  type Tokenizer,
} from "./tokenizer.ts";
export type { TrainingProgress } from "./training/options.ts";
export { END_OF_TEXT, ROBERTA_TOKENS, type TrainBpeOptions, trainBpe } from "./training/train-bpe.ts";
export { T5_TOKENS, type TrainUnigramOptions, trainUnigram, XLNET_TOKENS } from "./training/train-unigram.ts";
export { BERT_TOKENS, type TrainWordPieceOptions, trainWordPiece } from "./training/train-wordpiece.ts";
export type { Texts } from "./training/word-counts.ts";
