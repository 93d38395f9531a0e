export { type Ability, abilities } from "./abilities.ts";
export type { BertModel } from "./bert.ts";
export { type BertConfig, bertConfigSchema } from "./bert-configuration.ts";
export { bertFormat, megatronBertFormat, robertaFormat } from "./bert-format.ts";
export { bertNames, megatronBertNames, robertaNames } from "./bert-names.ts";
export {
  type GptConfig,
  gptConfigSchema,
  type ModelConfig,
  type ModelConfigInput,
  modelConfigSchema,
} from "./configuration.ts";
export type { EncoderDecoderModel } from "./encoder-decoder.ts";
export { type EncoderDecoderConfig, encoderDecoderConfigSchema } from "./encoder-decoder-configuration.ts";
export { ModelError } from "./errors.ts";
export {
  type AnyModel,
  type CreateModelOptions,
  countModelParameters,
  createModel,
  type ModelOf,
  modelOfFamily,
} from "./families.ts";
export type { ForeignFormat, ForeignWeight, HuggingFaceConfig } from "./foreign-format.ts";
export { foreignFormatFor, foreignFormatOf, foreignFormats } from "./foreign-formats.ts";
export { gpt2Format } from "./gpt2-format.ts";
export { gpt2Names } from "./gpt2-names.ts";
export { classificationLosses, type TaskHeadConfig, taskHeadSchema } from "./heads.ts";
export { spanLosses } from "./heads-question-answering.ts";
export { llamaFormat } from "./llama-format.ts";
export { llamaNames } from "./llama-names.ts";
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
export { type RelativeBuckets, relativeBucketOf } from "./relative-bias.ts";
export type {
  DecoderCache,
  DecoderOptions,
  MemoryInput,
  SequenceToSequenceModel,
  TargetInput,
} from "./sequence-to-sequence.ts";
export type { T5Model } from "./t5.ts";
export { type T5Config, t5ConfigSchema } from "./t5-configuration.ts";
export { t5Format } from "./t5-format.ts";
export { t5Names } from "./t5-names.ts";
export type { PermutedInput, Streams } from "./two-streams.ts";
export { type WarmStart, type WarmWeight, warmSource, warmStart } from "./warm-start.ts";
export type { XlnetModel } from "./xlnet.ts";
export { type XlnetConfig, xlnetConfigSchema } from "./xlnet-configuration.ts";
export { xlnetFormat } from "./xlnet-format.ts";
export { xlnetNames } from "./xlnet-names.ts";
