/**
 * Regular expressions to parts of patterns: what JavaScript's and JSON Schema's have, but for what an automaton cannot do:
 * look-around, back references, word boundaries. Greedy and lazy are the same, since every text that matches may be written.
 */
import { GenerateError } from "../errors.ts";
import { ALL, type CharacterSet, complement } from "./characters.ts";
import type { Part } from "./nfa.ts";
import { either, empty, oneOf, repeat, sequence } from "./parts.ts";

const DIGITS: CharacterSet = [[0x30, 0x39]];
const WORD: CharacterSet = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: CharacterSet = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  ...{ d: DIGITS, w: WORD, s: SPACE },
  ...{ D: complement(DIGITS), W: complement(WORD), S: complement(SPACE) },
};
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", "0": "\0" };
const LINE_ENDS: CharacterSet = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
/** The most times that a part may be asked for. */
const MOST_TIMES = 10_000;

/** Options of `regularExpression`. */
export interface RegularExpressionOptions {
  /** How a character of a set is written. Default: as it is. */
  character?: (set: CharacterSet) => Part;
  /** Whether something else may surround the match, as in JSON Schema, unless ^ and $ say otherwise. Default: false. */
  anywhere?: boolean;
}

/** Parses an expression that whole texts must match. Throws a GenerateError for one that cannot be used. */
export function regularExpression(
  source: string,
  { character = oneOf, anywhere = false }: RegularExpressionOptions = {},
): Part {
  const points = Array.from(source);
  let place = 0;
  const fail = (what: string): never => {
    throw new GenerateError(`regular expression: ${what} at character ${place + 1} of ${JSON.stringify(source)}`);
  };
  const peek = () => points[place];
  const take = () => points[place++] ?? fail("it ends too early");
  const eat = (wanted: string) => {
    if (peek() !== wanted) return false;
    place++;
    return true;
  };

  function alternatives(depth: number): Part {
    const found = [branch(depth)];
    while (eat("|")) found.push(branch(depth));
    return found.length === 1 ? found[0]! : either(...found);
  }

  function branch(depth: number): Part {
    const parts: Part[] = [];
    const startsLine = depth === 0 && eat("^");
    let endsLine = false;
    while (place < points.length && peek() !== "|" && peek() !== ")") {
      if (peek() === "$" && depth === 0 && (place + 1 === points.length || points[place + 1] === "|")) {
        place++;
        endsLine = true;
      } else parts.push(quantified(depth));
    }
    if (!anywhere || depth > 0) return sequence(...parts);
    const anything = repeat(character(ALL), 0);
    return sequence(startsLine ? empty : anything, ...parts, endsLine ? empty : anything);
  }

  function quantified(depth: number): Part {
    let part = atom(depth);
    for (let bounds = quantifier(); bounds; bounds = quantifier()) part = repeat(part, ...bounds);
    return part;
  }

  function quantifier(): [number, number] | null {
    const simple: Record<string, [number, number]> = {
      "*": [0, Number.POSITIVE_INFINITY],
      "+": [1, Number.POSITIVE_INFINITY],
      "?": [0, 1],
    };
    let bounds = simple[peek() ?? ""] ?? null;
    if (bounds) place++;
    else if (peek() === "{") {
      const [all, least, comma, most] = /^\{(\d+)(,)?(\d*)\}/.exec(points.slice(place, place + 24).join("")) ?? [];
      if (all === undefined) return fail("expected {n}, {n,} or {n,m}");
      place += all.length;
      const high = comma === undefined ? Number(least) : most === "" ? Number.POSITIVE_INFINITY : Number(most);
      bounds = [Number(least), high];
      if (bounds[0] > high) fail("a range in the wrong order");
      if (Math.max(bounds[0], Number.isFinite(high) ? high : 0) > MOST_TIMES) fail(`more than ${MOST_TIMES} times`);
    }
    if (bounds) eat("?");
    return bounds;
  }

  function atom(depth: number): Part {
    const first = take();
    if (first === "(") return group(depth);
    if (first === "[") return character(set());
    if (first === ".") return character(complement(LINE_ENDS));
    if (first === "\\") return character(escaped(false));
    if ("^$".includes(first)) return fail(`${first} in the middle is not supported`);
    if ("*+?{".includes(first)) return fail("nothing to repeat");
    return character(only(first));
  }

  function group(depth: number): Part {
    if (eat("?")) {
      if (eat("<")) {
        if (peek() === "=" || peek() === "!") fail("look-behind is not supported");
        while (take() !== ">");
      } else if (!eat(":")) fail("look-ahead is not supported");
    }
    const inner = alternatives(depth + 1);
    if (!eat(")")) fail("expected )");
    return inner;
  }

  /** After a backslash. */
  function escaped(inSet: boolean): CharacterSet {
    const kind = take();
    const known = CLASSES[kind];
    if (known) return known;
    const control = CONTROLS[kind];
    if (control !== undefined) return only(control);
    if (kind === "x") return only(String.fromCodePoint(hexadecimal(2)));
    if (kind === "u") {
      if (!eat("{")) return only(String.fromCodePoint(hexadecimal(4)));
      let digits = "";
      while (peek() !== "}") digits += take();
      place++;
      const point = Number.parseInt(digits, 16);
      if (!/^[0-9a-f]{1,6}$/i.test(digits) || point > 0x10ffff) return fail("expected a code point");
      return [[point, point]];
    }
    if (kind === "b" && inSet) return only("\b");
    if (/[A-Za-z0-9]/.test(kind)) return fail(`\\${kind} is not supported`);
    return only(kind);
  }

  function hexadecimal(length: number): number {
    const digits = points.slice(place, place + length).join("");
    if (digits.length !== length || !/^[0-9a-f]+$/i.test(digits)) return fail(`expected ${length} hexadecimal digits`);
    place += length;
    return Number.parseInt(digits, 16);
  }

  function set(): CharacterSet {
    const isNegated = eat("^");
    const found: (readonly [number, number])[] = [];
    while (peek() !== "]") {
      const start = member();
      if (peek() === "-" && points[place + 1] !== undefined && points[place + 1] !== "]") {
        place++;
        const end = member();
        if (start.length !== 1 || end.length !== 1 || start[0]![0] > end[0]![1]) fail("a range in the wrong order");
        found.push([start[0]![0], end[0]![1]]);
      } else found.push(...start);
    }
    place++;
    return isNegated ? complement(found) : found;
  }

  function member(): CharacterSet {
    const first = take();
    return first === "\\" ? escaped(true) : only(first);
  }

  const whole = alternatives(0);
  if (place < points.length) fail("unexpected )");
  return whole;
}

function only(character: string): CharacterSet {
  const point = character.codePointAt(0)!;
  return [[point, point]];
}
