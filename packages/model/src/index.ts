export { type Capability, capabilitiesOf } from "./capabilities.ts";
export { type ModelConfig, type ModelConfigInput, modelConfigSchema } from "./configuration.ts";
export type { BaseConfig } from "./configuration-fields.ts";
export {
  type AnyModel,
  type CreateModelOptions,
  countModelParameters,
  createModel,
  type ModelOf,
} from "./create-model.ts";
export type { AttentionDescription, LayerDescription, ModelDescription } from "./description.ts";
export { type EncoderInit, type EncoderWeight, encoderInitSource } from "./encoder-init.ts";
export { ModelError } from "./errors.ts";
export { type BertConfig, bertConfigSchema } from "./families/bert/configuration.ts";
export { bertFormat, megatronBertFormat } from "./families/bert/hugging-face/bert.ts";
export { robertaFormat } from "./families/bert/hugging-face/roberta.ts";
export type { BertModel } from "./families/bert/model.ts";
export { type EncoderDecoderConfig, encoderDecoderConfigSchema } from "./families/encoder-decoder/configuration.ts";
export type { EncoderDecoderModel } from "./families/encoder-decoder/model.ts";
export { type GptConfig, gptConfigSchema } from "./families/gpt/configuration.ts";
export { gpt2Format } from "./families/gpt/hugging-face/gpt2.ts";
export { llamaFormat } from "./families/gpt/hugging-face/llama.ts";
export type { GptModel } from "./families/gpt/model.ts";
export { type T5Config, t5ConfigSchema } from "./families/t5/configuration.ts";
export { t5Format } from "./families/t5/hugging-face.ts";
export type { T5Model } from "./families/t5/model.ts";
export { type XlnetConfig, xlnetConfigSchema } from "./families/xlnet/configuration.ts";
export { xlnetFormat } from "./families/xlnet/hugging-face.ts";
export type { XlnetModel } from "./families/xlnet/model.ts";
export type { FamilyDefinition, Generation, PairHead, Preset } from "./family.ts";
export { type TaskHeadConfig, taskHeadSchema } from "./heads/configuration.ts";
export { spanLosses } from "./heads/question-answering.ts";
export { classificationLosses } from "./heads/task-head.ts";
export type {
  FileTensors,
  ForeignWeight,
  HuggingFaceConfig,
  HuggingFaceFormat,
  SharedTensor,
} from "./hugging-face/format.ts";
export {
  formatForModel,
  formatOfConfigJson,
  huggingFaceFormats,
  readHuggingFaceConfig,
} from "./hugging-face/formats.ts";
export {
  checkSpecialIds,
  type GenerationIds,
  generationConfigOf,
  otherGenerationFields,
  readGenerationIds,
  specialIdFields,
} from "./hugging-face/special-ids.ts";
export type { StepRandomness } from "./layers/dropout.ts";
export { ADAPTER_WEIGHTS, isAdapterWeight } from "./layers/low-rank-adapter.ts";
export { type RelativeBuckets, relativeBucketOf } from "./layers/relative-bias.ts";
export { type LengthenOptions, type LongerTable, lengthen, lengthenRows } from "./lengthen.ts";
export type {
  MegatronLmArguments,
  MegatronLmContext,
  MegatronLmFormat,
  MegatronLmWeight,
} from "./megatron-lm/format.ts";
export { megatronLmFamilyOf, megatronLmFormats } from "./megatron-lm/formats.ts";
export type {
  CausalInput,
  CausalModel,
  CausalOptions,
  DecoderCache,
  DecoderOptions,
  EncoderInput,
  EncoderModel,
  FillPrediction,
  ForwardOptions,
  ForwardOutput,
  GenerativePrediction,
  InspectedModel,
  MemoryInput,
  Model,
  PermutationInput,
  PermutationModel,
  PermutationOptions,
  Prediction,
  Predictors,
  QueryDecoder,
  SequenceToSequenceModel,
  TargetInput,
} from "./model.ts";
export { type OptionFormats, optionFormats } from "./option-formats.ts";
export { predictorOf } from "./predictor.ts";
export { presets } from "./presets.ts";
export { createModelRecipeSchema, type ModelRecipe } from "./recipe.ts";
export {
  describeModel,
  families,
  familyOf,
  keepsTokensTogether,
  layersOfStacks,
  longestSequence,
  readsSource,
} from "./registry.ts";
export { type Stage, stagesOfRank } from "./stage.ts";
