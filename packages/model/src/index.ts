export {
  type GptConfig,
  gptConfigSchema,
  type ModelConfig,
  type ModelConfigInput,
  modelConfigSchema,
} from "./configuration.ts";
export { ModelError } from "./errors.ts";
export { type CreateModelOptions, countModelParameters, createModel, type ModelOf } from "./families.ts";
export type { ForeignFormat, ForeignWeight, HuggingFaceConfig } from "./foreign-format.ts";
export { gpt2Names } from "./gpt2-names.ts";
export type { ForwardOptions, LanguageModel, Model, ModelInput, StepRandomness } from "./model.ts";
export { type Preset, presets } from "./presets.ts";
export { type ModelRecipe, modelRecipeSchema } from "./recipe.ts";
