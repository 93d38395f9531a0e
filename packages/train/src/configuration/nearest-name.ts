/** Suggests the valid name that a misspelled one was probably meant to be. */
import { distance } from "fastest-levenshtein";

/**
 * The candidate with the fewest edits, ignoring case, `-` and `_`; undefined if none is within two edits (a transposition
 * counts as two) per five letters, or one edit for names of up to three letters.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = bare(name);
  const near = candidates
    .map((candidate) => ({ candidate, edits: distance(wanted, bare(candidate)) }))
    .filter(({ edits }) => edits <= (wanted.length > 3 ? Math.max(2, Math.floor(wanted.length * 0.4)) : 1));
  return near.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

const bare = (name: string) => name.toLowerCase().replace(/[-_]/g, "");
