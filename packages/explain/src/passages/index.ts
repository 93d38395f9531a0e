/** The passages of training data that are nearest to a text, which needs no engine, and those that make a neuron most active. */

export type { NeuronPassage, NeuronPassages, ShownPassage, TrainingPassages } from "../reports.ts";
export { type NearestOptions, type NearestPassages, nearestPassages } from "./nearest-passages.ts";
export { type FindNeuronPassagesOptions, findNeuronPassages } from "./neuron-passages.ts";
export { buildPassageIndex, type PassageIndex, type PassageIndexOptions } from "./passage-index.ts";
export {
  checkTrainingData,
  openTrainingData,
  type TrainingData,
  type TrainingDataOptions,
} from "./training-passages.ts";
