/** Whether an objective reaches all of a model: a part that no loss depends on would never learn. */
import type { ModelConfig } from "@megatron-ts/model";
import type { ConfigProblem } from "../errors.ts";
import type { ObjectiveConfig } from "./configuration.ts";

/** What contradicts; nothing where every part is trained, and every objective finds its part. */
export function checkTrainedParts(model: ModelConfig, objective: ObjectiveConfig): ConfigProblem[] {
  const single = objective.name === "mixed" ? objective.parts.map((part) => part.objective) : [objective];
  const pairs = single.some((part) => part.name === "masked" && part.pairs !== null);
  const problems: ConfigProblem[] = [...pairProblems(model, pairs)];
  if (model.family === "encoder-decoder" && single.every(({ name }) => name === "masked")) {
    const message =
      "masked trains the encoder alone: expected it mixed with an objective of the decoder (permutation, denoising, span-corruption)";
    problems.push({ path: "train.objective.name", message });
  }
  if ("task" in model && model.task) {
    problems.push({ path: "model.task", message: "expected none: pretraining does not reach a head of a task" });
  }
  return problems;
}

/** The head that judges pairs, and the objective that needs it. */
function pairProblems(model: ModelConfig, pairs: boolean): ConfigProblem[] {
  if (model.family !== "bert" && model.family !== "encoder-decoder") return [];
  const [path, present, absent] =
    model.family === "bert"
      ? ["model.heads", model.heads.pooler || model.heads.pair, "{ pooler: false, languageModel: true, pair: false }"]
      : ["model.pairHead", model.pairHead, "false"];
  if (present && !pairs) {
    const message = `expected next-sentence or sentence-order, since the model has a head for pairs; without pairs, set ${path} to ${absent}`;
    return [{ path: "train.objective.pairs", message }];
  }
  if (pairs && !(model.family === "bert" ? model.heads.pair : present)) {
    return [{ path, message: "expected a head for pairs, which train.objective.pairs trains" }];
  }
  return [];
}
