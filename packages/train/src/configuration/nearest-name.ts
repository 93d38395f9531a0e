/** The valid name that a misspelt one was probably meant to be. */
import { distance } from "fastest-levenshtein";

/**
 * The candidate fewest edits away, ignoring case, `-` and `_`; undefined when none is near: within two edits (two
 * letters exchanged) or two per five letters, one for names of up to three.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = bare(name);
  const near = candidates
    .map((candidate) => ({ candidate, edits: distance(wanted, bare(candidate)) }))
    .filter(({ edits }) => edits <= (wanted.length > 3 ? Math.max(2, Math.floor(wanted.length * 0.4)) : 1));
  return near.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

const bare = (name: string) => name.toLowerCase().replace(/[-_]/g, "");
