/** Why a model says what it says. */
export { type AttentionMap, attentionMaps } from "./attention-maps.ts";
export type { AttributionOptions } from "./attribution/attribution.ts";
export { gradientTimesInput } from "./attribution/gradient-times-input.ts";
export {
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  integratedGradients,
} from "./attribution/integrated-gradients.ts";
export { leaveOneOut } from "./attribution/leave-one-out.ts";
export type { TextModel } from "./encode-text.ts";
export { ExplainError } from "./errors.ts";
export {
  type ExplainedLayer,
  type ExplainedOutput,
  type ExplainTextOptions,
  type Explanation,
  explainText,
} from "./explain-text.ts";
export { headImportance, type LayerHeads } from "./head-importance.ts";
export { type LensLayer, type LensPrediction, logitLens } from "./logit-lens.ts";
export { type ActiveNeuron, strongestNeurons } from "./neurons/strongest-neurons.ts";
export { type ActivePassage, type TopPassagesOptions, topPassages } from "./neurons/top-passages.ts";
export { createReading, isExplainable, likeliestOutput, type Reading, type ReadingOptions } from "./reading.ts";
