/**
 * Translates Oniguruma's regular expressions, which tokenizer.json uses, to JavaScript's. Every character class is written
 * out in code points, so that the runtime's version of Unicode does not matter. What cannot be translated is rejected.
 * https://github.com/kkos/oniguruma/blob/master/doc/RE
 */
import { TokenizerError } from "../../errors.ts";
import { type CharacterSet, complement, has, intersection, range, toSource, union } from "./character-set.ts";
import { bareWordSet, escapedSet, posixSet, propertySet } from "./properties.ts";

const CONTROLS: Record<string, number> = { a: 0x07, e: 0x1b, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09, v: 0x0b };
/** Pairs of letters that equal one character if case is ignored, such as those of ß. */
const LIGATURES = /ss|st|ff|fi|fl/i;
/** The characters besides A to Z that equal an ASCII letter if case is ignored. */
const CASE_VARIANTS: readonly (readonly [string, number])[] = [
  ["s", 0x17f],
  ["k", 0x212a],
];
const ASCII = range(0, 0x7f);

class Translator {
  private readonly source: string;
  private position = 0;
  private ignoreCase = false;
  private dotMatchesNewline = false;
  private lookbehinds = 0;
  private groups = 0;

  constructor(source: string) {
    this.source = source;
  }

  translate(): string {
    const translated = this.alternatives();
    if (this.position < this.source.length) this.reject("an unmatched )");
    return translated;
  }

  private reject(what: string): never {
    throw new TokenizerError(`unsupported regular expression ${JSON.stringify(this.source)}: ${what}`);
  }

  /** Skips `text` if it is next. */
  private skip(text: string): boolean {
    if (!this.source.startsWith(text, this.position)) return false;
    this.position += text.length;
    return true;
  }

  /** Skips what the sticky pattern matches, and returns its groups. */
  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source) ?? undefined;
    if (found) this.position = pattern.lastIndex;
    return found;
  }

  private next(): number {
    const point = this.source.codePointAt(this.position);
    if (point === undefined) this.reject("an incomplete pattern");
    this.position += point > 0xffff ? 2 : 1;
    return point;
  }

  private alternatives(): string {
    const { ignoreCase, dotMatchesNewline } = this;
    const parts = [this.sequence()];
    while (this.skip("|")) parts.push(this.sequence());
    Object.assign(this, { ignoreCase, dotMatchesNewline });
    return parts.join("|");
  }

  private sequence(): string {
    let source = "";
    let literal = "";
    while (this.position < this.source.length && !/[|)]/.test(this.source[this.position]!)) {
      const before = this.position;
      const item = this.item();
      const quantified = this.quantify(item);
      source += quantified;
      // An adjacent pair of letters may equal a single character.
      const text = this.source.slice(before, this.position);
      literal = /^[a-z]$/i.test(text) ? literal + text : "";
      if (this.ignoreCase && LIGATURES.test(literal)) this.reject(`"${literal}" without case`);
    }
    return source;
  }

  private quantify(item: { source: string; isAssertion: boolean }): string {
    const start = this.position;
    const found = this.match(/([?*+])([?+]?)|\{(\d*)(,?)(\d*)\}([?+]?)/y);
    if (!found || found[0] === "{}" || found[0] === "{,}") {
      this.position = start;
      return item.source;
    }
    if (item.isAssertion) this.reject(`the repetition ${found[0]} of an assertion`);
    const [, operator, suffix, least, comma, most, intervalSuffix] = found;
    if (this.match(/[?*+]|\{\d*,?\d*\}/y)) this.reject(`the repetition ${this.source.slice(start, this.position)}`);
    if (operator) {
      if (suffix === "+") return this.atomic(`${item.source}${operator}`);
      return `${item.source}${operator}${suffix}`;
    }
    const [minimum, maximum] = [
      Number(least || 0),
      comma ? (most ? Number(most) : Number.POSITIVE_INFINITY) : Number(least),
    ];
    if (minimum > maximum || Math.max(minimum, maximum === Number.POSITIVE_INFINITY ? 0 : maximum) > 1000) {
      this.reject(`the repetition ${found[0]}`);
    }
    const interval = `${item.source}{${minimum}${comma ? `,${maximum === Number.POSITIVE_INFINITY ? "" : maximum}` : ""}}`;
    if (intervalSuffix === "+") return `(?:${interval})+`;
    if (intervalSuffix === "?" && !comma) this.reject(`the repetition ${found[0]}`);
    return `${interval}${intervalSuffix}`;
  }

  /** What matched once is kept: a lookahead is never entered again. */
  private atomic(source: string): string {
    if (this.lookbehinds > 0) this.reject("an atomic group in a lookbehind");
    const name = `g${++this.groups}`;
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`;
  }

  private item(): { source: string; isAssertion: boolean } {
    const set = (characters: CharacterSet) => ({ source: toSource(characters), isAssertion: false });
    const assertion = (source: string) => ({ source, isAssertion: true });
    if (this.skip("(")) return this.group();
    if (this.skip("[")) return set(this.characterClass());
    if (this.skip(".")) return set(this.dotMatchesNewline ? range(0, 0x10ffff) : complement(range(0x0a)));
    if (this.skip("^")) return assertion("(?:(?<![^])|(?<=\\n)(?=[^]))");
    if (this.skip("$")) return assertion("(?:(?![^])|(?=\\n))");
    if (this.match(/[?*+]/y)) this.reject("nothing to repeat");
    if (this.match(/\\[bBAzZ]/y)) {
      const word = toSource(bareWordSet());
      const boundary = `(?<=${word})(?!${word})|(?<!${word})(?=${word})`;
      switch (this.source[this.position - 1]) {
        case "b":
          return assertion(`(?:${boundary})`);
        case "B":
          return assertion(`(?!${boundary})`);
        case "A":
          return assertion("(?<![^])");
        case "z":
          return assertion("(?![^])");
        default:
          return assertion("(?=\\n?(?![^]))");
      }
    }
    const word = this.match(/\\([wW])/y);
    if (word) return set(word[1] === "w" ? bareWordSet() : complement(bareWordSet()));
    if (this.skip("\\")) {
      const escaped = this.escape();
      return set(typeof escaped === "number" ? this.fold(range(escaped)) : escaped);
    }
    return set(this.fold(range(this.next())));
  }

  private group(): { source: string; isAssertion: boolean } {
    const close = (): void => {
      if (!this.skip(")")) this.reject("an unmatched (");
    };
    const look = /\?<?[=!]/y;
    const assertion = this.match(look)?.[0];
    if (assertion) {
      const isBehind = assertion[1] === "<";
      if (isBehind) this.lookbehinds++;
      const inner = this.alternatives();
      if (isBehind) this.lookbehinds--;
      close();
      return { source: `(${assertion}${inner})`, isAssertion: true };
    }
    if (this.skip("?>")) {
      const inner = this.alternatives();
      close();
      return { source: this.atomic(inner), isAssertion: false };
    }
    const options = this.match(/\?([imx]*)(?:-([imx]*))?([:)])/y);
    if (options) {
      const [, on = "", off = "", end] = options;
      if (/x/.test(on)) this.reject("the option x");
      const { ignoreCase, dotMatchesNewline } = this;
      if (/i/.test(on)) this.ignoreCase = true;
      if (/m/.test(on)) this.dotMatchesNewline = true;
      if (/i/.test(off)) this.ignoreCase = false;
      if (/m/.test(off)) this.dotMatchesNewline = false;
      // Without a colon, the options hold up to the end of the enclosing group.
      const inner = this.alternatives();
      Object.assign(this, { ignoreCase, dotMatchesNewline });
      if (end === ":") close();
      return { source: `(?:${inner})`, isAssertion: false };
    }
    if (!this.match(/\?<[A-Za-z_]\w*>/y) && this.source[this.position] === "?") {
      this.reject(`the group (${this.source.slice(this.position, this.position + 3)}`);
    }
    const inner = this.alternatives();
    close();
    return { source: `(?:${inner})`, isAssertion: false };
  }

  /** What follows a backslash: one code point or a set of them. */
  private escape(): number | CharacterSet {
    const property = this.match(/([pP])\{(\^?)([^}]*)\}/y);
    if (property) {
      const set = propertySet(property[3]!) ?? this.reject(`the property \\p{${property[3]}}`);
      return (property[1] === "P") !== (property[2] === "^") ? complement(set) : set;
    }
    const code = this.match(/u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\}|x([0-7][0-9a-fA-F])/y);
    if (code) {
      const point = Number.parseInt(code[1] ?? code[2] ?? code[3]!, 16);
      return point <= 0x10ffff ? point : this.reject(`the code point ${code[0]}`);
    }
    const point = this.next();
    const character = String.fromCodePoint(point);
    if (CONTROLS[character] !== undefined) return CONTROLS[character];
    if (/[0-9A-Za-z]/.test(character)) return escapedSet(character) ?? this.reject(`the escape \\${character}`);
    return point;
  }

  /** The rest of a character class, up to its closing bracket. */
  private characterClass(): CharacterSet {
    const isNegated = this.skip("^");
    let result: CharacterSet | undefined;
    let current: CharacterSet = [];
    const start = this.position;
    for (;;) {
      if (this.position >= this.source.length) this.reject("an unmatched [");
      if (this.position > start && this.skip("]")) break;
      if (this.skip("&&")) {
        result = result ? intersection(result, current) : current;
        current = [];
        continue;
      }
      current = union(current, this.classItem());
    }
    const set = result ? intersection(result, current) : current;
    return isNegated ? complement(set) : set;
  }

  private classItem(): CharacterSet {
    const posix = this.match(/\[:(\^?)([a-z]+):\]/y);
    if (posix) {
      const set = posixSet(posix[2]!) ?? this.reject(`the class ${posix[0]}`);
      return this.fold(posix[1] ? complement(set) : set);
    }
    if (this.skip("[")) return this.characterClass();
    const first = this.classCharacter();
    if (
      !/^-[^\]]/.test(this.source.slice(this.position, this.position + 2)) ||
      this.source.startsWith("-&&", this.position)
    ) {
      return this.fold(typeof first === "number" ? range(first) : first);
    }
    this.skip("-");
    const last = this.source[this.position] === "[" ? undefined : this.classCharacter();
    if (typeof first !== "number" || typeof last !== "number" || last < first)
      this.reject("a range of a character class");
    return this.fold(range(first, last));
  }

  private classCharacter(): number | CharacterSet {
    return this.skip("\\") ? this.escape() : this.next();
  }

  /** Adds the other case of ASCII letters, if case is ignored. */
  private fold(set: CharacterSet): CharacterSet {
    if (!this.ignoreCase) return set;
    const cased = propertySet("lc")!;
    const others = intersection(set, intersection(cased, complement(ASCII)));
    const hasAll = intersection(cased, complement(set)).length === 0;
    if (others.length > 0 && !hasAll) this.reject("letters beyond ASCII without case");
    const folded: CharacterSet[] = [set];
    for (let letter = 0x41; letter <= 0x5a; letter++) {
      if (!has(set, letter) && !has(set, letter + 0x20)) continue;
      folded.push(range(letter), range(letter + 0x20));
      for (const [name, variant] of CASE_VARIANTS) {
        if (letter + 0x20 === name.charCodeAt(0)) folded.push(range(variant));
      }
    }
    return union(...folded);
  }
}

/**
 * The source of a JavaScript regular expression with the flag `u` that matches like Oniguruma's.
 *
 * @throws {TokenizerError} if the pattern is invalid, or uses anything that is not supported.
 */
export function translatePattern(source: string): string {
  return new Translator(source).translate();
}
