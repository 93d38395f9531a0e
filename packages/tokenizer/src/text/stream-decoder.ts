// Text as ids come, for tokenizers that decode only whole sequences: what is new is decoded together with what may
// still change it.

import type { TokenDecoder } from "../tokenizer.ts";

export function createWindowDecoder(decode: (ids: number[]) => string): TokenDecoder {
  let window: number[] = [];
  /** How many ids of the window were given out, and their text. */
  let done = 0;
  let doneText = "";
  return {
    push(id) {
      window.push(id);
      const text = decode(window);
      if (text.length <= doneText.length || text.endsWith("\uFFFD")) return "";
      const fresh = text.slice(doneText.length);
      window = window.slice(done);
      done = window.length;
      doneText = decode(window);
      return fresh;
    },
    flush() {
      const rest = decode(window).slice(doneText.length);
      window = [];
      done = 0;
      doneText = "";
      return rest;
    },
  };
}
