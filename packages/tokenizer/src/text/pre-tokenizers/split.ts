/**
 * What happens to the delimiters when a text is split: the behaviors of Hugging Face's tokenizers.
 */

/** A part of a text, and whether it is a delimiter. */
export interface Part {
  start: number;
  end: number;
  isMatch: boolean;
}

/**
 * How delimiters are treated: dropped, kept as words of their own, joined with the text before or after, or joined with
 * each other.
 */
export type SplitBehavior = (typeof splitBehaviors)[number];

/** All behaviors. */
export const splitBehaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

type Range = Pick<Part, "start" | "end">;

/** The words [start, end) that a behavior makes of the parts. Empty words are left out. */
export function splitParts(parts: readonly Part[], behavior: SplitBehavior): Range[] {
  const words: Range[] = [];
  let previousMatch = false;
  const each = (
    list: readonly Part[],
    join: (part: Part) => boolean,
    extend: (word: Range, part: Part) => void,
  ): void => {
    for (const part of list) {
      const last = words.at(-1);
      if (last && join(part)) extend(last, part);
      else words.push({ start: part.start, end: part.end });
      previousMatch = part.isMatch;
    }
  };
  const extendEnd = (word: Range, part: Part): void => {
    word.end = part.end;
  };
  switch (behavior) {
    case "Removed":
      for (const part of parts) if (!part.isMatch) words.push(part);
      break;
    case "Isolated":
      words.push(...parts);
      break;
    case "Contiguous":
      each(parts, (part) => part.isMatch === previousMatch, extendEnd);
      break;
    case "MergedWithPrevious":
      each(parts, (part) => part.isMatch && !previousMatch, extendEnd);
      break;
    case "MergedWithNext":
      each(
        parts.toReversed(),
        (part) => part.isMatch && !previousMatch,
        (word, part) => {
          word.start = part.start;
        },
      );
      words.reverse();
      break;
  }
  return words.filter(({ start, end }) => start < end);
}
