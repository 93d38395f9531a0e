export type { BertModel } from "./bert.ts";
export { type BertConfig, bertConfigSchema } from "./bert-configuration.ts";
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
export { gpt2Names } from "./gpt2-names.ts";
export { classificationLosses, type TaskHeadConfig, taskHeadSchema } from "./heads.ts";
export { spanLosses } from "./heads-question-answering.ts";
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
export { type Preset, presets } from "./presets.ts";
export { type ModelRecipe, modelRecipeSchema } from "./recipe.ts";
export type {
  DecoderCache,
  DecoderOptions,
  MemoryInput,
  SequenceToSequenceModel,
  TargetInput,
} from "./sequence-to-sequence.ts";
export type { PermutedInput, Streams } from "./two-streams.ts";
