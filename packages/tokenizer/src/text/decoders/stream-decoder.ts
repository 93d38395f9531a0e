/**
 * Decodes a stream of ids for tokenizers that can only decode whole sequences: new ids are decoded together with those
 * that they may still change.
 */
import type { TokenDecoder } from "../../tokenizer.ts";

/** Creates a stream decoder on top of a function that decodes a sequence. */
export function createStreamDecoder(decode: (ids: number[]) => string): TokenDecoder {
  let window: number[] = [];
  /** The number of ids in the window whose text was returned, and that text. */
  let emitted = 0;
  let emittedText = "";
  return {
    push(id) {
      window.push(id);
      const text = decode(window);
      if (text.length <= emittedText.length || text.endsWith("\uFFFD")) return "";
      const fresh = text.slice(emittedText.length);
      window = window.slice(emitted);
      emitted = window.length;
      emittedText = decode(window);
      return fresh;
    },
    flush() {
      const rest = decode(window).slice(emittedText.length);
      window = [];
      emitted = 0;
      emittedText = "";
      return rest;
    },
  };
}
