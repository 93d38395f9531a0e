/** Metrics of language models and of what they write, translate, answer and classify. Numbers in, numbers out. */
export { type BleuOptions, type BleuResult, createBleu } from "./bleu/bleu.ts";
export type { BleuSmoothing } from "./bleu/precisions.ts";
export type { BleuTokenizer } from "./bleu/tokenizers.ts";
export { type ChrfOptions, type ChrfResult, createChrf } from "./chrf/chrf.ts";
export {
  type CalibrationBin,
  type CalibrationResult,
  type ConfidentPrediction,
  createCalibration,
} from "./classification/calibration.ts";
export {
  type AverageOptions,
  averageScores,
  type ClassCounts,
  classScores,
  type PrecisionRecallF1,
  type ZeroDivision,
} from "./classification/class-counts.ts";
export {
  accuracy,
  type ConfusionMatrix,
  classCounts,
  createConfusion,
  type LabelPair,
  matthewsCorrelation,
  occurs,
} from "./classification/confusion.ts";
export { createMultilabel, type LabelSets, type MultilabelResult } from "./classification/multilabel.ts";
export {
  type CorrelationResult,
  type CorrelationState,
  createCorrelation,
  type ValuePair,
} from "./correlation/correlation.ts";
export { createDiversity, type DiversityResult, type DiversityState } from "./diversity/diversity.ts";
export {
  createEvaluator,
  type Evaluator,
  type SumEvaluator,
  type SumMetric,
  type SumState,
} from "./evaluator.ts";
export {
  createPerplexity,
  type Perplexity,
  type PerplexityResult,
  type PerplexityState,
  type PerplexityTerm,
} from "./perplexity.ts";
export { createRouge, type RougeOptions, type RougeResult, type RougeScore, type RougeType } from "./rouge/rouge.ts";
export {
  type BootstrapOptions,
  type BootstrapResult,
  bootstrap,
  type PairedBootstrapResult,
  pairedBootstrap,
} from "./significance/bootstrap.ts";
export {
  type AnswerExample,
  type AnswerScores,
  createSquad,
  type SquadOptions,
  type SquadResult,
} from "./squad/squad.ts";
export { createTer, type TerOptions, type TerResult } from "./ter/ter.ts";
export type { TerTokenizerOptions } from "./ter/tokenizer.ts";
export type { TranslationExample } from "./text/references.ts";
export { countOriginalTokens, detokenizeWikitext } from "./wikitext.ts";
