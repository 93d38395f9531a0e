/**
 * The character properties of Oniguruma's regular expressions, of a fixed version of Unicode.
 */
import { CATEGORIES, CATEGORY_NAMES, SCRIPT_NAMES, SCRIPTS } from "../unicode/categories-data.ts";
import { WORD_CHARACTERS } from "../unicode/sets-data.ts";
import { unpackRanges, visitRuns } from "../unicode/unpack.ts";
import { type CharacterSet, complement, intersection, range, union } from "./character-set.ts";

const LONG_NAMES: Record<string, string> = {
  letter: "l",
  mark: "m",
  number: "n",
  punctuation: "p",
  symbol: "s",
  separator: "z",
  other: "c",
  uppercaseletter: "lu",
  lowercaseletter: "ll",
  titlecaseletter: "lt",
  modifierletter: "lm",
  otherletter: "lo",
  nonspacingmark: "mn",
  spacingmark: "mc",
  enclosingmark: "me",
  decimalnumber: "nd",
  letternumber: "nl",
  othernumber: "no",
  connectorpunctuation: "pc",
  dashpunctuation: "pd",
  openpunctuation: "ps",
  closepunctuation: "pe",
  initialpunctuation: "pi",
  finalpunctuation: "pf",
  otherpunctuation: "po",
  mathsymbol: "sm",
  currencysymbol: "sc",
  modifiersymbol: "sk",
  othersymbol: "so",
  spaceseparator: "zs",
  lineseparator: "zl",
  paragraphseparator: "zp",
  control: "cc",
  format: "cf",
  privateuse: "co",
  unassigned: "cn",
};

let properties: Map<string, CharacterSet> | undefined;

/** Sets by name, in lower case: general categories of one and two letters, and scripts. */
function unpack(): Map<string, CharacterSet> {
  const found = new Map<string, number[]>();
  const add = (name: string, start: number, end: number): void => {
    const ranges = found.get(name) ?? [];
    if (ranges.at(-1) === start) ranges[ranges.length - 1] = end;
    else ranges.push(start, end);
    found.set(name, ranges);
  };
  const categories = CATEGORY_NAMES.toLowerCase().split(" ");
  visitRuns(CATEGORIES, (kind, start, end) => {
    // Surrogates are packed as unassigned, and occur in no text.
    add(categories[kind]!, start, end);
    add(categories[kind]![0]!, start, end);
  });
  const scripts = SCRIPT_NAMES.toLowerCase().split(" ");
  visitRuns(SCRIPTS, (kind, start, end) => {
    if (kind < scripts.length) add(scripts[kind]!, start, end);
  });
  return found;
}

/** The set of `\p{name}`, or undefined if it is not supported. */
export function propertySet(name: string): CharacterSet | undefined {
  properties ??= unpack();
  const plain = name.toLowerCase().replace(/[ _-]/g, "");
  if (plain === "any") return range(0, 0x10ffff);
  if (plain === "ascii") return range(0, 0x7f);
  if (plain === "assigned") return complement(propertySet("cn")!);
  if (plain === "lc" || plain === "casedletter")
    return union(propertySet("lu")!, propertySet("ll")!, propertySet("lt")!);
  return properties.get(LONG_NAMES[plain] ?? plain);
}

const ASCII_HEX = union(range(0x30, 0x39), range(0x41, 0x46), range(0x61, 0x66));
const category = (name: string) => (): CharacterSet => propertySet(name)!;
const space = (): CharacterSet => union(propertySet("z")!, range(0x09, 0x0d), range(0x85));
const word = (): CharacterSet => intersection(unpackRanges(WORD_CHARACTERS), complement(range(0x200c, 0x200d)));

const ESCAPED: Record<string, () => CharacterSet> = { d: category("nd"), h: () => ASCII_HEX, s: space, w: word };

/** `\w` outside of character classes, where Oniguruma takes it from ISO 8859-1 for these code points: ², ³, ¹, ¼, ½, ¾. */
export function bareWordSet(): CharacterSet {
  return union(word(), range(0xb2, 0xb3), range(0xb9), range(0xbc, 0xbe));
}

/** The set of `\d`, `\s`, `\w`, `\h`, or of their complements in upper case; undefined for other letters. */
export function escapedSet(letter: string): CharacterSet | undefined {
  const set = ESCAPED[letter.toLowerCase()]?.();
  return set && letter !== letter.toLowerCase() ? complement(set) : set;
}

const POSIX: Record<string, () => CharacterSet> = {
  blank: () => union(propertySet("zs")!, range(0x09)),
  cntrl: category("cc"),
  digit: category("nd"),
  punct: () => union(propertySet("p")!, propertySet("s")!),
  space,
  word,
  xdigit: () => ASCII_HEX,
};

/** The set of `[:name:]`, or undefined if it is not supported. */
export function posixSet(name: string): CharacterSet | undefined {
  return POSIX[name]?.();
}
