export { type CreateTokenizerOptions, createTokenizer } from "./create-tokenizer.ts";
export { TokenizerError } from "./errors.ts";
export { type Marker, markerNames, markerOf } from "./markers.ts";
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
export { END_OF_TEXT, ROBERTA_TOKENS, type TrainBpeOptions, trainBpe } from "./train-bpe.ts";
export { T5_TOKENS, type TrainUnigramOptions, trainUnigram, XLNET_TOKENS } from "./train-unigram.ts";
export { BERT_TOKENS, type TrainWordPieceOptions, trainWordPiece } from "./train-wordpiece.ts";
export type { TrainingProgress } from "./training.ts";
export type { Texts } from "./word-counts.ts";
