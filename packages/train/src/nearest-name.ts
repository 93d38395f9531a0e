/** The valid name that a misspelt one was probably meant to be. */
import { distance } from "fastest-levenshtein";

/** The candidate within two edits per five letters, ignoring case, `-` and `_`; undefined when none is so near. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = bare(name);
  const near = candidates
    .map((candidate) => ({ candidate, edits: distance(wanted, bare(candidate)) }))
    .filter(({ edits }) => edits <= Math.max(1, Math.floor(wanted.length * 0.4)));
  return near.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

const bare = (name: string) => name.toLowerCase().replace(/[-_]/g, "");
