/** Checks that an objective reaches all of a model: a part that no loss depends on would never learn. */
import { familyOf, type ModelConfig, readsSource } from "@megatron-ts/model";
import type { ConfigProblem } from "../errors.ts";
import { type ObjectiveConfig, partsOf } from "./configuration.ts";
import { getObjective } from "./registry.ts";

const trainsPairs = (objective: ObjectiveConfig) =>
  partsOf(objective).some((part) => getObjective(part.name).trainsPairs?.(part));

/** Beginnings of the names of weights that only pairs would train, in an objective without any. */
export const untrainedPairHead = (model: ModelConfig, objective: ObjectiveConfig): readonly string[] =>
  trainsPairs(objective) ? [] : (familyOf(model).pairHead?.(model).weights ?? []);

/** The contradictions; none if every part is trained, and every objective finds its part. */
export function checkTrainedParts(
  model: ModelConfig,
  objective: ObjectiveConfig,
  { keepsPairHead = false }: { keepsPairHead?: boolean } = {},
): ConfigProblem[] {
  const parts = partsOf(objective);
  const pairs = trainsPairs(objective);
  const problems = keepsPairHead && !pairs ? [] : pairProblems(model, pairs);
  if (readsSource(model) && parts.every(({ name }) => getObjective(name).prediction === "masked")) {
    const message =
      "masked trains the encoder only: expected it mixed with an objective for the decoder (permutation, denoising, span-corruption)";
    problems.push({ path: "train.objective.name", message });
  }
  if ("task" in model && model.task) {
    problems.push({ path: "model.task", message: "expected none: pretraining does not train a task head" });
  }
  return problems;
}

/** The head that classifies pairs, and the objective that needs it. */
function pairProblems(model: ModelConfig, pairs: boolean): ConfigProblem[] {
  const head = familyOf(model).pairHead?.(model);
  if (!head) return [];
  const path = `model.${head.field}`;
  if (head.present && !pairs) {
    const message = `expected next-sentence or sentence-order, since the model has a head for pairs; without pairs, set ${path} to ${head.without}`;
    return [{ path: "train.objective.pairs", message }];
  }
  if (pairs && !head.predicts) {
    return [{ path, message: "expected a head for pairs, which train.objective.pairs trains" }];
  }
  return [];
}
