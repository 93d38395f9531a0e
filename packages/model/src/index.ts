export { type Ability, abilities } from "./capabilities.ts";
export {
  type GptConfig,
  gptConfigSchema,
  type ModelConfig,
  type ModelConfigInput,
  modelConfigSchema,
} from "./configuration.ts";
export {
  type AnyModel,
  type CreateModelOptions,
  countModelParameters,
  createModel,
  type ModelOf,
  modelOfFamily,
} from "./create-model.ts";
export { ModelError } from "./errors.ts";
export { type BertConfig, bertConfigSchema } from "./families/bert/configuration.ts";
export { bertFormat, megatronBertFormat, robertaFormat } from "./families/bert/hugging-face.ts";
export { bertNames, megatronBertNames, robertaNames } from "./families/bert/hugging-face-names.ts";
export type { BertModel } from "./families/bert/model.ts";
export { type EncoderDecoderConfig, encoderDecoderConfigSchema } from "./families/encoder-decoder/configuration.ts";
export { type WarmStart, type WarmWeight, warmSource, warmStart } from "./families/encoder-decoder/encoder-init.ts";
export type { EncoderDecoderModel } from "./families/encoder-decoder/model.ts";
export { gpt2Format } from "./families/gpt/hugging-face-gpt2.ts";
export { gpt2Names } from "./families/gpt/hugging-face-gpt2-names.ts";
export { llamaFormat } from "./families/gpt/hugging-face-llama.ts";
export { llamaNames } from "./families/gpt/hugging-face-llama-names.ts";
export { type T5Config, t5ConfigSchema } from "./families/t5/configuration.ts";
export { t5Format } from "./families/t5/hugging-face.ts";
export { t5Names } from "./families/t5/hugging-face-names.ts";
export type { T5Model } from "./families/t5/model.ts";
export { type XlnetConfig, xlnetConfigSchema } from "./families/xlnet/configuration.ts";
export { xlnetFormat } from "./families/xlnet/hugging-face.ts";
export { xlnetNames } from "./families/xlnet/hugging-face-names.ts";
export type { XlnetModel } from "./families/xlnet/model.ts";
export { spanLosses } from "./heads/question-answering.ts";
export { classificationLosses, type TaskHeadConfig, taskHeadSchema } from "./heads/task-head.ts";
export type { ForeignFormat, ForeignWeight, HuggingFaceConfig } from "./hugging-face/format.ts";
export { foreignFormatFor, foreignFormatOf, foreignFormats } from "./hugging-face/formats.ts";
export { type RelativeBuckets, relativeBucketOf } from "./layers/relative-bias.ts";
export type { PermutedInput, Streams } from "./layers/two-streams.ts";
export { longestSequence } from "./longest-sequence.ts";
export type {
  EncoderInput,
  EncoderModel,
  EncoderOptions,
  ForwardOptions,
  LanguageModel,
  Model,
  ModelInput,
  StepRandomness,
} from "./model.ts";
export type {
  PermutationInput,
  PermutationModel,
  PermutationOptions,
  PermutationStates,
} from "./permutation-model.ts";
export { type Preset, presets } from "./presets.ts";
export { createModelRecipeSchema, type ModelRecipe } from "./recipe.ts";
export type {
  DecoderCache,
  DecoderOptions,
  MemoryInput,
  SequenceToSequenceModel,
  TargetInput,
} from "./sequence-to-sequence.ts";
