/**
 * Detokenizes the WikiText benchmarks, which put spaces between words and punctuation ("it 's 1 @,@ 000 km ."), by the
 * rules of Megatron-LM. Their quirks are kept, since published perplexities depend on them. Words are counted before.
 */
import { strip } from "./text/python-text.ts";

/** Removes the space just inside each `open`...`close` pair, left to right, in linear time; pairs do not nest. */
function tighten(text: string, open: string, close: string): string {
  const pieces: string[] = [];
  let done = 0;
  for (;;) {
    const from = text.indexOf(open, done);
    const to = from < 0 ? -1 : text.indexOf(close, from + 1);
    if (to < 0) break;
    pieces.push(text.slice(done, from + 1), strip(text.slice(from + 1, to)), close);
    done = to + 1;
  }
  return pieces.join("") + text.slice(done);
}

const beforePairs: [string | RegExp, string][] = [
  ["s '", "s'"],
  // A bug of Megatron's, kept: the pattern was meant for '90s, but matches only /' 5/ and inserts its own text.
  [/\/' [0-9]\//g, "/'[0-9]/"],
  [" @-@ ", "-"],
  [" @,@ ", ","],
  [" @.@ ", "."],
  [" : ", ": "],
  [" ; ", "; "],
  [" . ", ". "],
  [" ! ", "! "],
  [" ? ", "? "],
  [" , ", ", "],
];
const pairs: [string, string][] = [
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
  ['"', '"'],
  ["'", "'"],
];
const afterPairs: [string, string][] = [
  ["= = = =", "===="],
  ["= = =", "==="],
  ["= =", "=="],
  [" \u00b0 ", "\u00b0"],
  [" \n", "\n"],
  ["\n ", "\n"],
  [" N ", " 1 "],
  [" 's", "'s"],
];

/** Turns a WikiText file into plain text, by Megatron-LM's rules. */
export function detokenizeWikitext(text: string): string {
  let joined = text;
  for (const [from, to] of beforePairs) joined = joined.replaceAll(from, to);
  for (const [open, close] of pairs) joined = tighten(joined, open, close);
  for (const [from, to] of afterPairs) joined = joined.replaceAll(from, to);
  return joined;
}

/**
 * Counts the words of a WikiText file as Megatron-LM does, before detokenizing: stripped, then split on single spaces.
 */
export function countOriginalTokens(text: string): number {
  return strip(text).split(" ").length;
}
