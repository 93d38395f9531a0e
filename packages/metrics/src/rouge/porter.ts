/**
 * Porter's stemmer ("An algorithm for suffix stripping", 1980) with NLTK's changes, which ROUGE scores in Python depend on:
 * irregular words, -ies and -ied of short words, y after a consonant, -alli, -bli, -fulli and -logi.
 */

const irregular = new Map(
  Object.entries({
    ...{ skies: "sky", sky: "sky", dying: "die", lying: "lie", tying: "tie", news: "news", howe: "howe" },
    ...{ innings: "inning", inning: "inning", outings: "outing", outing: "outing" },
    ...{ cannings: "canning", canning: "canning", proceed: "proceed", exceed: "exceed", succeed: "succeed" },
  }),
);

/** "c" for a consonant and "v" for a vowel, letter by letter. A y is what the letter before it is not. */
function shapeOf(word: string): string {
  let shape = "";
  for (const letter of word) {
    const isVowel = "aeiou".includes(letter) || (letter === "y" && shape !== "" && !shape.endsWith("v"));
    shape += isVowel ? "v" : "c";
  }
  return shape;
}

/** Porter's m: how often a consonant follows a vowel. */
const measure = (stem: string): number => shapeOf(stem).split("vc").length - 1;
const hasVowel = (stem: string): boolean => shapeOf(stem).includes("v");

/** Porter's *d. */
const endsInDoubleConsonant = (word: string): boolean =>
  word.length >= 2 && word.at(-1) === word.at(-2) && shapeOf(word).endsWith("c");

/** Porter's *o, and NLTK's addition of two letters. */
function endsInShortSyllable(word: string): boolean {
  const shape = shapeOf(word);
  return (shape.endsWith("cvc") && !/[wxy]$/.test(word)) || shape === "vc";
}

/** Suffix, replacement, and the condition on the rest of the word. */
type Rule = readonly [suffix: string, replacement: string, condition?: (stem: string) => boolean];

/** Applies the first rule whose suffix the word has, if its condition holds. */
function applyFirst(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const [suffix, replacement, condition] = rule;
  const stem = word.slice(0, word.length - suffix.length);
  return condition === undefined || condition(stem) ? stem + replacement : word;
}

const above =
  (least: number) =>
  (stem: string): boolean =>
    measure(stem) > least;

const conditioned = (rules: Record<string, string>, condition: (stem: string) => boolean): Rule[] =>
  Object.entries(rules).map(([suffix, replacement]) => [suffix, replacement, condition]);

const plurals: Rule[] = [
  ["sses", "ss"],
  ["ies", "i"],
  ["ss", "ss"],
  ["s", ""],
];

const step2: Rule[] = [
  ...conditioned(
    {
      ...{ ational: "ate", tional: "tion", enci: "ence", anci: "ance", izer: "ize", bli: "ble", alli: "al" },
      ...{ entli: "ent", eli: "e", ousli: "ous", ization: "ize", ation: "ate", ator: "ate", alism: "al" },
      ...{ iveness: "ive", fulness: "ful", ousness: "ous", aliti: "al", iviti: "ive", biliti: "ble", fulli: "ful" },
    },
    above(0),
  ),
  // The l counts as part of the stem, so that "theology" is measured as "theol".
  ["logi", "log", (stem) => measure(`${stem}l`) > 0],
];

const step3 = conditioned(
  { icate: "ic", ative: "", alize: "al", iciti: "ic", ical: "ic", ful: "", ness: "" },
  above(0),
);

const step4: Rule[] = [
  ...["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent"],
  ...["ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"],
].map((suffix) => [suffix, "", (stem) => measure(stem) > 1 && (suffix !== "ion" || /[st]$/.test(stem))]);

function removePlural(word: string): string {
  return word.length === 4 && word.endsWith("ies") ? word.slice(0, -1) : applyFirst(word, plurals);
}

/** Repairs what removing -ed or -ing has left: conflat -> conflate, hopp -> hop, fil -> file. */
function repair(stem: string): string {
  const ending = ["at", "bl", "iz"].find((one) => stem.endsWith(one));
  if (ending !== undefined) return `${stem}e`;
  if (endsInDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsInShortSyllable(stem) ? `${stem}e` : stem;
}

function removePast(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const suffix = ["ed", "ing"].find((one) => word.endsWith(one) && hasVowel(word.slice(0, -one.length)));
  return suffix === undefined ? word : repair(word.slice(0, -suffix.length));
}

const replaceY = (word: string): string =>
  applyFirst(word, [["y", "i", (stem) => stem.length > 1 && shapeOf(stem).endsWith("c")]]);

function reduceDouble(word: string): string {
  return word.endsWith("alli") && measure(word.slice(0, -4)) > 0
    ? reduceDouble(word.slice(0, -2))
    : applyFirst(word, step2);
}

function removeE(word: string): string {
  if (!word.endsWith("e")) return word;
  const stem = word.slice(0, -1);
  return measure(stem) > 1 || (measure(stem) === 1 && !endsInShortSyllable(stem)) ? stem : word;
}

const removeL = (word: string): string =>
  word.endsWith("ll") && measure(word.slice(0, -1)) > 1 ? word.slice(0, -1) : word;

/** The stem of a lower-case word, as NLTK's PorterStemmer gives it. */
export function stem(word: string): string {
  const known = irregular.get(word);
  if (known !== undefined) return known;
  if (word.length <= 2) return word;
  const inflected = reduceDouble(replaceY(removePast(removePlural(word))));
  return removeL(removeE(applyFirst(applyFirst(inflected, step3), step4)));
}
