/** Options of speculative decoding, and which drafts a model can have. */
import type { Model } from "@megatron-ts/model";
import { GenerateError } from "../errors.ts";

/** A smaller model that proposes tokens, which the model itself accepts or replaces. */
export interface SpeculationOptions {
  /** The draft: a causal model of the same vocabulary, that takes texts as long. */
  model: Model;
  /** Tokens that it proposes at a time. Default: 4. */
  tokens?: number;
  /** Called each time proposals of a sequence were verified: how many there were, and how many were accepted. */
  onDraft?: (draft: DraftOutcome) => void;
}

/** What became of the proposals for one sequence. */
export interface DraftOutcome {
  proposed: number;
  accepted: number;
}

/** Proposals at a time, by default. More than 7 make the model's products slower: they have more than 8 rows. */
export const DEFAULT_DRAFT_TOKENS = 4;
const MOST_DRAFT_TOKENS = 16;

/** Throws a GenerateError for a draft that cannot propose tokens to this model. */
export function checkSpeculation(model: Model, { model: draft, tokens = DEFAULT_DRAFT_TOKENS }: SpeculationOptions) {
  if (!Number.isInteger(tokens) || tokens < 1 || tokens > MOST_DRAFT_TOKENS) {
    throw new GenerateError(`draft tokens must be an integer from 1 to ${MOST_DRAFT_TOKENS}, got ${tokens}`);
  }
  const { causal } = draft.predictors;
  if (!causal) throw new GenerateError(`a ${draft.config.family} model cannot be a draft: expected a causal model`);
  const [own, other] = [model.config.vocabularySize, draft.config.vocabularySize];
  if (own !== other) {
    throw new GenerateError(`the draft's vocabulary has ${other} tokens and the model's ${own}: expected the same one`);
  }
  const longest = model.predictors.causal?.maxPositions ?? 0;
  if (causal.maxPositions < longest) {
    throw new GenerateError(
      `the draft takes ${causal.maxPositions} tokens and the model ${longest}: expected a draft that takes as many`,
    );
  }
}
