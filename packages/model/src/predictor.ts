/** Finds the interface through which a model predicts in a given way. */
import { ModelError } from "./errors.ts";
import type { Model, Prediction, Predictors } from "./model.ts";

/** The interface for a kind of prediction. Throws a ModelError that lists those the model has. */
export function predictorOf<Kind extends Prediction>(
  { config, predictors }: Model,
  prediction: Kind,
): NonNullable<Predictors[Kind]> {
  const predictor = predictors[prediction];
  if (predictor) return predictor;
  const known = Object.keys(predictors).join(", ");
  throw new ModelError(
    `a model of the family ${config.family} does not support ${prediction} prediction: expected ${known}`,
  );
}
