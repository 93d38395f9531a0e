/** Finds stop strings in streamed text, holding text back while it may be the start of one. */

/** Matches stop strings against text that arrives in pieces. */
export interface StopMatcher {
  /** Returns the text that can be shown now; `stopped` once a stop string is complete, which itself is never shown. */
  push(text: string): { text: string; stopped: boolean };
  /** Returns the text held back, at the end of the input. */
  flush(): string;
}

/** Creates a matcher that stops at the first of `stopStrings`. */
export function createStopMatcher(stopStrings: readonly string[]): StopMatcher {
  let held = "";
  return {
    push(text) {
      held += text;
      const matches = stopStrings.map((stop) => held.indexOf(stop)).filter((index) => index >= 0);
      if (matches.length > 0) {
        const shown = held.slice(0, Math.min(...matches));
        held = "";
        return { text: shown, stopped: true };
      }
      const keep = longestPartialMatch(held, stopStrings);
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown, stopped: false };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Length of the longest suffix of `text` that is a proper prefix of a stop string. */
function longestPartialMatch(text: string, stopStrings: readonly string[]): number {
  let longest = 0;
  for (const stop of stopStrings) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
