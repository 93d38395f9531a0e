/**
 * The tokenizers of BLEU scores: those of mteval-v13a and mteval-v14 (international), Chinese, characters, none. They
 * split as sacreBLEU's do, oddities included, since published scores depend on them.
 */
import { splitWords, strip } from "../text/python-text.ts";

/** Punctuation and symbols of ASCII but `'`, `,`, `-` and `.`, and separately the latter where they are not in numbers. */
function splitWestern(line: string): string[] {
  const spaced = line
    .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
  return splitWords(spaced);
}

const ENTITIES: [string, string][] = [
  ["&quot;", '"'],
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
];

function tokenize13a(line: string): string[] {
  let text = line.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [entity, character] of ENTITIES) text = text.replaceAll(entity, character);
  return splitWestern(` ${text} `);
}

function tokenizeInternational(line: string): string[] {
  const spaced = line
    .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
    .replace(/(\p{P})(\P{N})/gu, " $1 $2")
    .replace(/(\p{S})/gu, " $1 ");
  return splitWords(spaced);
}

// sacreBLEU's list. Two of its ranges were meant for planes beyond the first (20000..2a6d6, 2f800..2fa1d), but compare as
// the strings "\u2000" + "0" and so on: in effect they are 2001..2a6d and 2f81..2fa1, punctuation and symbols included.
const chinese =
  /([\u3400-\u4db5\u4e00-\u9fa5\u9fa6-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\u2001-\u2a6d\u2f81-\u2fa1\uff00-\uffef\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u26ff\u2700-\u27bf\u3200-\u32ff\u3300-\u33ff])/g;

/** Name of a tokenizer of BLEU. */
export type BleuTokenizer = "13a" | "intl" | "zh" | "char" | "none";

/** Tokenizers by name: a line, already lower-cased if wanted and without white space at its end, to tokens. */
export const bleuTokenizers: Record<BleuTokenizer, (line: string) => string[]> = {
  "13a": tokenize13a,
  intl: tokenizeInternational,
  zh: (line) => splitWestern(strip(line).replace(chinese, " $1 ")),
  char: (line) => splitWords([...line].join(" ")),
  none: splitWords,
};
