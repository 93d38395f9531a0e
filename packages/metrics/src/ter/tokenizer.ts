/**
 * Tercom's tokenizer as sacreBLEU has it, including a range that was meant otherwise. Its rules for kana, and for 's at the
 * end of a text, can never match and are left out.
 */
import { splitWords } from "../text/python-text.ts";

/** What the tokenizer changes. */
export interface TerTokenizerOptions {
  /** Splits punctuation off words. */
  normalized: boolean;
  /** Removes punctuation. */
  noPunctuation: boolean;
  /** Treats East Asian characters and punctuation too, where one of the above is chosen. */
  asianSupport: boolean;
  caseSensitive: boolean;
}

type Replacements = readonly (readonly [RegExp, string])[];

const western: Replacements = [
  [/\n-/g, ""],
  [/\n/g, " "],
  [/&quot;/g, '"'],
  [/&amp;/g, "&"],
  [/&lt;/g, "<"],
  [/&gt;/g, ">"],
  [/^.*$/s, " $& "],
  [/([{-~[-` -&(-+:-@/])/g, " $1 "],
  [/'s /g, " 's "],
  [/([^0-9])([.,])/gu, "$1 $2 "],
  [/([.,])([^0-9])/gu, " $1 $2"],
  [/([0-9])(-)/g, "$1 $2 "],
];

const asianPunctuation = /([\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb])/g;
const fullWidthPunctuation = /([\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09])/g;

// 3200-3f22 was meant to be 3200-32ff.
const asian: Replacements = [
  [/([\u4e00-\u9fff\u3400-\u4dbf])/g, " $1 "],
  [/([\u31c0-\u31ef\u2e80-\u2eff])/g, " $1 "],
  [/([\u3300-\u33ff\uf900-\ufaff\ufe30-\ufe4f])/g, " $1 "],
  [/([\u3200-\u3f22])/g, " $1 "],
  [asianPunctuation, " $1 "],
  [fullWidthPunctuation, " $1 "],
];

const noPunctuation: Replacements = [[/[.,?:;!"()]/g, ""]];
const noAsianPunctuation: Replacements = [
  [asianPunctuation, ""],
  [fullWidthPunctuation, ""],
];

/** The words of a line. */
export function tokenizeTercom(line: string, options: TerTokenizerOptions): string[] {
  const replacements = [
    ...(options.normalized ? western : []),
    ...(options.normalized && options.asianSupport ? asian : []),
    ...(options.noPunctuation ? noPunctuation : []),
    ...(options.noPunctuation && options.asianSupport ? noAsianPunctuation : []),
  ];
  const text = options.caseSensitive ? line : line.toLowerCase();
  if (text === "") return [];
  return splitWords(replacements.reduce((changed, [pattern, by]) => changed.replace(pattern, by), text));
}
