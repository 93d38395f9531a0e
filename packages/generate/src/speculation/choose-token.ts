/**
 * Speculative sampling (Leviathan et al. 2023, algorithm 1): a token that a draft proposed is accepted or replaced so that the
 * result is distributed as the model's own candidates are.
 */
import { type Candidates, sum } from "../sampling/candidates.ts";
import { draw } from "../sampling/sample.ts";

/** A token that a draft drew from its candidates. */
export interface Proposal {
  token: number;
  candidates: Candidates;
}

/** Probability of a token among candidates. */
function probability({ ids, weights }: Candidates, token: number): number {
  const index = ids.indexOf(token);
  return index < 0 ? 0 : weights[index]! / sum(weights);
}

/** The candidates with max(0, p - q) as weights, where p is their probability and q that of the draft. */
function residual({ ids, weights }: Candidates, draft: Candidates): Candidates {
  const size =
    1 +
    Math.max(
      ids.reduce((a, b) => Math.max(a, b)),
      draft.ids.reduce((a, b) => Math.max(a, b)),
    );
  const other = new Float64Array(size);
  const [own, others] = [sum(weights), sum(draft.weights)];
  for (let i = 0; i < draft.ids.length; i++) other[draft.ids[i]!] = draft.weights[i]! / others;
  return { ids, weights: weights.map((weight, i) => Math.max(0, weight / own - other[ids[i]!]!)) };
}

/**
 * The next token, given what a draft proposed: the proposal with probability min(1, p / q), else one of the rest of p that q does
 * not cover. `accept` and `redraw`, in [0, 1), decide; they must not depend on the proposal.
 */
export function chooseToken(
  candidates: Candidates,
  proposal: Proposal,
  { accept, redraw }: { accept: number; redraw: number },
): number {
  const { token, candidates: draft } = proposal;
  if (accept * probability(draft, token) < probability(candidates, token)) return token;
  const rest = residual(candidates, draft);
  // Equal distributions have no rest, but for rounding errors.
  return draw(sum(rest.weights) > 0 ? rest : candidates, redraw);
}
