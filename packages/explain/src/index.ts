/** Why a model says what it says. */
export { attentionMaps } from "./attention-maps.ts";
export type { AttributionOptions } from "./attribution/attribution.ts";
export { gradientTimesInput } from "./attribution/gradient-times-input.ts";
export {
  type IntegratedGradientsOptions,
  integratedGradients,
} from "./attribution/integrated-gradients.ts";
export { leaveOneOut } from "./attribution/leave-one-out.ts";
export type { TextModel } from "./encode-text.ts";
export { ExplainError } from "./errors.ts";
export {
  type ExplainTextOptions,
  explainText,
} from "./explain-text.ts";
export { headImportance } from "./head-importance.ts";
export { type LensLayer, type LensPrediction, logitLens } from "./logit-lens.ts";
export { strongestNeurons } from "./neurons/strongest-neurons.ts";
export { type ActivePassage, type TopPassagesOptions, topPassages } from "./neurons/top-passages.ts";
export { createReading, isExplainable, likeliestOutput, type Reading, type ReadingOptions } from "./reading.ts";
export type {
  ActiveNeuron,
  AttentionMap,
  ExplainedLayer,
  ExplainedOutput,
  Explanation,
  IntegratedGradients,
  LayerHeads,
} from "./reports.ts";
