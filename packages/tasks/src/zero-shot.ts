/** What the zero-shot tests of language models share: they have no training. */
import type { BaseConfig } from "@megatron-ts/model";
import { families, familyOf } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { TaskError } from "./errors.ts";
import { contextTokens, type ScoredText } from "./score-tokens.ts";
import type { OpenTask, Prediction } from "./task.ts";

/** `headFor` of a test. Throws a TaskError. */
export function notTrained(name: string): never {
  throw new TaskError(
    `${name} is a test of language models as they are, without training: use megatron evaluate --task`,
  );
}

/** The parts of a task that only training calls. */
export const untrained = (
  name: string,
): Pick<OpenTask<never, Prediction>, "lossSum" | "trainingLossSum" | "trainingWeight"> => ({
  lossSum: () => notTrained(name),
  trainingLossSum: () => notTrained(name),
  trainingWeight: () => 1,
});

/** Throws a TaskError for a model that does not read from left to right. */
export function requireCausal(config: BaseConfig, name: string): void {
  if (familyOf(config).predicts.includes("causal")) return;
  const able = Object.keys(families).filter((family) => familyOf({ family }).predicts.includes("causal"));
  throw new TaskError(
    `${name}: expected a causal model (${able.join(" or ")}), got one of the family ${config.family}`,
  );
}

/**
 * Creates a function that makes the tokens of `context + text`, of which those of the text are scored; the longest that fit.
 * @param options.maxTokens in all
 */
export function createContinuation(
  tokenizer: Tokenizer,
  { maxTokens }: { maxTokens: number },
): (context: string, text: string) => ScoredText {
  const start = contextTokens(tokenizer);
  const encode = (text: string) => [...tokenizer.encode(text, { addSpecialTokens: false })];
  return (context, text) => {
    const before = [...start, ...encode(context)];
    const all = [...before, ...encode(text)];
    const cut = Math.max(0, all.length - maxTokens);
    const ids = Int32Array.from(all.slice(cut));
    return { ids, from: Math.max(1, before.length - cut) };
  };
}
