/**
 * Diverse beam search: the beams of one prompt in groups, which take turns in every step. Each is a search of its own and avoids what
 * the groups before it have just chosen (Vijayakumar et al. 2018, with the Hamming diversity that transformers 4 has).
 */
import { type Beam, type BeamStep, type Beams, createBeams, type SearchOptions } from "./beams.ts";
import type { BeamOptions } from "./options.ts";

/** The searches of one prompt together. */
export interface BeamGroups {
  /** Takes the logits [V] of each beam's next token; null once all searches are over. */
  advance(logits: readonly Float32Array[]): BeamStep | null;
  /** The finished sequences of all groups, best first. */
  readonly finished: readonly Beam[];
}

/** Starts them; with one group it is beam search as it is. */
export function createBeamGroups({
  numBeams,
  numBeamGroups,
  diversityPenalty,
  ...options
}: SearchOptions & Required<Pick<BeamOptions, "numBeamGroups" | "diversityPenalty">>): BeamGroups {
  const size = numBeams / numBeamGroups;
  const groups = Array.from({ length: numBeamGroups }, () => createBeams({ ...options, numBeams: size }));
  const done = new Set<Beams>();
  return {
    advance(logits) {
      const step: BeamStep = { parents: logits.map((_, beam) => beam), tokens: logits.map(() => null) };
      const penalties = new Map<number, number>();
      for (const [index, group] of groups.entries()) {
        if (done.has(group)) continue;
        const first = index * size;
        const own = group.advance(logits.slice(first, first + size), penalties);
        if (!own) done.add(group);
        for (const [beam, token] of own?.tokens.entries() ?? []) {
          step.parents[first + beam] = first + own!.parents[beam]!;
          step.tokens[first + beam] = token;
        }
        for (const token of group.chosen) penalties.set(token, (penalties.get(token) ?? 0) + diversityPenalty);
      }
      return done.size === groups.length ? null : step;
    },
    get finished() {
      return groups.flatMap(({ finished }) => finished).sort((a, b) => b.score - a.score);
    },
  };
}
