/**
 * A scaling law of small models: the loss that a number of parameters reaches with a number of tokens (Hoffmann et al.
 * 2022, equation 2), where text that is read again counts less and less (Muennighoff et al. 2023, equation 5).
 */

/** loss = irreducible + parameterScale / parameters ^ parameterExponent + tokenScale / tokens ^ tokenExponent. */
export interface ScalingLaw {
  irreducible: number;
  parameterScale: number;
  parameterExponent: number;
  tokenScale: number;
  tokenExponent: number;
}

/** Epochs after which a text has lost its worth: R* of Muennighoff et al. 2023. */
const REPETITIONS = 15.39;

/** The number of fresh tokens that would teach as much as `tokens` read from a text of `uniqueTokens`. */
export function effectiveTokens(tokens: number, uniqueTokens: number): number {
  if (tokens <= uniqueTokens) return tokens;
  const repetitions = tokens / uniqueTokens - 1;
  return uniqueTokens * (1 + REPETITIONS * (1 - Math.exp(-repetitions / REPETITIONS)));
}

/**
 * The loss in nats per token after training.
 * @param run `parameters` without embeddings; `tokens` read in all, from a text of `uniqueTokens`
 */
export function predictedLoss(
  law: ScalingLaw,
  { parameters, tokens, uniqueTokens }: { parameters: number; tokens: number; uniqueTokens: number },
): number {
  const { irreducible, parameterScale, parameterExponent, tokenScale, tokenExponent } = law;
  return (
    irreducible +
    parameterScale / parameters ** parameterExponent +
    tokenScale / effectiveTokens(tokens, uniqueTokens) ** tokenExponent
  );
}

/** The candidate with the lowest predicted loss after `seconds` of training. There must be at least one. */
export function bestFor<Candidate extends { parameters: number; secondsPerToken: number }>(
  candidates: readonly Candidate[],
  { law, seconds, uniqueTokens }: { law: ScalingLaw; seconds: number; uniqueTokens: number },
): Candidate {
  const loss = ({ parameters, secondsPerToken }: Candidate) =>
    predictedLoss(law, { parameters, tokens: seconds / secondsPerToken, uniqueTokens });
  return candidates.reduce((best, candidate) => (loss(candidate) < loss(best) ? candidate : best));
}
