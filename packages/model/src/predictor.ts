/** Asks a model for one of the ways in which it predicts. */
import { ModelError } from "./errors.ts";
import type { Model, Prediction, Predictors } from "./model.ts";

/** The model as one that predicts in this way. Throws a ModelError that names those it has. */
export function predictorOf<Kind extends Prediction>(
  { config, predictors }: Model,
  prediction: Kind,
): NonNullable<Predictors[Kind]> {
  const predictor = predictors[prediction];
  if (predictor) return predictor;
  const known = Object.keys(predictors).join(", ");
  throw new ModelError(`a model of the family ${config.family} has no ${prediction} prediction: it has ${known}`);
}
