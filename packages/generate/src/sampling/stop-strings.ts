/** Holds text back while it could still turn out to be the beginning of a stop string. */

export interface StopMatcher {
  /** Text that is safe to show now; `stopped` once a stop string is complete, which itself is never shown. */
  push(text: string): { text: string; stopped: boolean };
  /** What was held back, when no more text comes. */
  flush(): string;
}

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
      const keep = longestPossibleStart(held, stopStrings);
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

/** Length of the longest end of `text` that begins one of the stop strings. */
function longestPossibleStart(text: string, stopStrings: readonly string[]): number {
  let longest = 0;
  for (const stop of stopStrings) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
