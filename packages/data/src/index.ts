/** Text files to indexed datasets, indexed datasets to samples, samples to batches; as typed arrays, without tensors. */
export type { BatchList, RankOptions, StepBatches } from "./batches/batches.ts";
export { type BatchRamp, type BatchSchedule, type BatchSlot, createBatchSchedule } from "./batches/schedule.ts";
export { type DataConfig, dataConfigSchema } from "./configuration.ts";
export { type Dataset, openDataset } from "./dataset.ts";
export { DataError } from "./errors.ts";
export { takeLock } from "./files/lock.ts";
export { replaceFile } from "./files/replace-file.ts";
export { type TokenType, tokenTypeFor } from "./indexed/format.ts";
export { type IndexedDataset, openIndexedDataset, type TokenArray } from "./indexed/reader.ts";
export { createIndexedDatasetWriter, type IndexedDatasetWriter, type WriterPosition } from "./indexed/writer.ts";
export { type CausalBatch, createCausalBatches, type DocumentMasking } from "./objectives/causal/batches.ts";
export { type CausalEvaluationBatches, createCausalEvaluationBatches } from "./objectives/causal/evaluation.ts";
export {
  createMaskedBatches,
  type MaskedBatch,
  type MaskedBatchOptions,
  type SpecialTokenIds,
} from "./objectives/masked/batches.ts";
export type { MaskingOptions } from "./objectives/masked/masking.ts";
export { createMaskedSamples, type MaskedSampleOptions, type Segments } from "./objectives/masked/samples.ts";
export {
  createPermutationBatches,
  type PermutationBatch,
  type PermutationBatchOptions,
} from "./objectives/permutation/batches.ts";
export { createPermutationSamples } from "./objectives/permutation/samples.ts";
export { createPrefixBatches } from "./objectives/prefix/batches.ts";
export {
  createPseudoPerplexityBatches,
  type PseudoPerplexityOptions,
} from "./objectives/pseudo-perplexity/batches.ts";
export {
  createSequenceBatches,
  type SequenceBatch,
  type SequenceBatchOptions,
  type SourceTarget,
} from "./objectives/sequence/batches.ts";
export { createDenoisingSamples, type DenoisingTokens } from "./objectives/sequence/denoising.ts";
export type { PackedTextOptions } from "./objectives/sequence/packed-text.ts";
export { createSourceTargetSamples, type SourceTargetOptions } from "./objectives/sequence/source-target.ts";
export { createSpanCorruptionSamples, type SpanCorruptionTokens } from "./objectives/sequence/span-corruption.ts";
export type { SpanOptions } from "./objectives/sequence/spans.ts";
export { type ObjectiveVocabulary, objectiveVocabulary, sentinelTokens } from "./objectives/vocabulary.ts";
export type { LanguageDataset, PrepareOptions, PrepareProgress, PrepareResult } from "./prepare/options.ts";
export { prepareDataset } from "./prepare/prepare.ts";
export type { StepOptions } from "./prepare/steps.ts";
export { filesOf, type RowSource, readRows } from "./rows/read-rows.ts";
export type { Row } from "./rows/row.ts";
export { type BlendEntry, blend } from "./samples/blend.ts";
export { createPackedSamples } from "./samples/packed-samples.ts";
export { buildSampleIndex } from "./samples/sample-index.ts";
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
