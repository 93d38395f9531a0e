/** The passages of training data that are nearest to a text. Reads files, and needs no engine. */

export type { ShownPassage, TrainingPassages } from "../reports.ts";
export { type NearestOptions, type NearestPassages, nearestPassages } from "./nearest-passages.ts";
export { buildPassageIndex, type PassageIndex, type PassageIndexOptions } from "./passage-index.ts";
export {
  checkTrainingData,
  openTrainingData,
  type TrainingData,
  type TrainingDataOptions,
} from "./training-passages.ts";
