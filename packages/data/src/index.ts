/** Text files to indexed datasets, indexed datasets to samples, samples to batches; as typed arrays, without tensors. */
export {
  buildCausalBatch,
  type CausalBatch,
  type CausalBatches,
  createCausalBatches,
  type DocumentMasking,
  IGNORED_LABEL,
  type RankOptions,
} from "./batches/causal.ts";
export { createEvaluationBatches, type EvaluationBatches } from "./batches/evaluation.ts";
export { type BatchRamp, type BatchSchedule, type BatchSlot, createBatchSchedule } from "./batches/schedule.ts";
export { type DataConfig, dataConfigSchema } from "./configuration.ts";
export { type Dataset, openDataset } from "./dataset.ts";
export { DataError } from "./errors.ts";
export { type TokenType, tokenTypeFor } from "./indexed/format.ts";
export { mergeIndexedDatasets } from "./indexed/merge.ts";
export { type IndexedDataset, openIndexedDataset, type TokenArray } from "./indexed/reader.ts";
export { createIndexedDatasetWriter, type IndexedDatasetWriter, type WriterPosition } from "./indexed/writer.ts";
export { takeLock } from "./lock.ts";
export {
  buildMaskedBatch,
  createMaskedBatches,
  type FrameTokens,
  type MaskedBatch,
  type MaskedBatchOptions,
  type Segments,
} from "./objectives/masked-batches.ts";
export { type MaskedTokens, type MaskingOptions, maskTokens } from "./objectives/masking.ts";
export { chooseTargets, permutationMask, type TargetOptions } from "./objectives/permutation.ts";
export {
  buildPermutationBatch,
  createPermutationBatches,
  type PermutationBatch,
  type PermutationBatchOptions,
} from "./objectives/permutation-batches.ts";
export { createSentencePairs, type SentencePair, type SentencePairOptions } from "./objectives/sentence-pairs.ts";
export {
  buildSourceTargetBatch,
  createSourceTargetBatches,
  infill,
  type SourceTarget,
  type SourceTargetBatch,
  type SourceTargetOptions,
} from "./objectives/source-target-batches.ts";
export { createSourceTargetPairs, type SourceTargetPairsOptions } from "./objectives/source-target-pairs.ts";
export { type CorruptedSpans, corruptSpans, type SpanCorruptionOptions } from "./objectives/span-corruption.ts";
export { type ObjectiveVocabulary, objectiveVocabulary } from "./objectives/vocabulary.ts";
export type { LanguageDataset } from "./prepare/by-language.ts";
export {
  type PrepareOptions,
  type PrepareProgress,
  type PrepareResult,
  prepareDataset,
} from "./prepare/prepare.ts";
export type { StepOptions } from "./prepare/steps.ts";
export { type BlendEntry, blend } from "./samples/blend.ts";
export { buildSampleIndex } from "./samples/gpt-index.ts";
export { createGptSamples } from "./samples/gpt-samples.ts";
export type { PackedSample, SampleSource } from "./samples/source.ts";
export type { DatasetSidecar, TextCounts } from "./sidecar.ts";
export { type DocumentRange, type SplitName, splitDocuments } from "./split.ts";
export { loadLanguageIdentifier } from "./steps/language.ts";
export { languageWeights } from "./steps/language-weights.ts";
export { createSentenceSplitter } from "./steps/sentences.ts";
export type { Document, DocumentPart } from "./text/document.ts";
export { type ReadOptions, readDocuments, readParts } from "./text/documents.ts";
export type { TextDocument } from "./text/plain-text.ts";
export { type Compression, listSources, type TextFormat, type TextSource } from "./text/sources.ts";
