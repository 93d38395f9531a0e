/** JSON (RFC 8259) as parts of patterns: strings, numbers and, to a limited depth, values that nothing more is known of. */
import { ALL, type CharacterSet, complement, intersect } from "./characters.ts";
import type { Part } from "./nfa.ts";
import { either, literal, oneOf, optional, repeat, separated, sequence } from "./parts.ts";

/** White space between JSON tokens: at most one space, or a line break and its indentation, so that output is finite. */
const space: Part = either(literal(""), literal(" "), sequence(literal("\n"), repeat(literal(" "), 0, 16)));

const SAFE: CharacterSet = complement([
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
]);
const HEX: CharacterSet = [
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
];

/** \u escapes of characters that are no surrogates. */
const unicode = sequence(
  literal("\\u"),
  either(
    sequence(
      oneOf([
        [0x30, 0x39],
        [0x41, 0x43],
        [0x45, 0x46],
        [0x61, 0x63],
        [0x65, 0x66],
      ]),
      repeat(oneOf(HEX), 3, 3),
    ),
    sequence(
      oneOf([
        [0x44, 0x44],
        [0x64, 0x64],
      ]),
      oneOf([[0x30, 0x37]]),
      repeat(oneOf(HEX), 2, 2),
    ),
  ),
);
const surrogates = sequence(
  literal("\\u"),
  oneOf([
    [0x44, 0x44],
    [0x64, 0x64],
  ]),
  oneOf([
    [0x38, 0x39],
    [0x41, 0x42],
    [0x61, 0x62],
  ]),
  repeat(oneOf(HEX), 2, 2),
  literal("\\u"),
  oneOf([
    [0x44, 0x44],
    [0x64, 0x64],
  ]),
  oneOf([
    [0x43, 0x46],
    [0x63, 0x66],
  ]),
  repeat(oneOf(HEX), 2, 2),
);
const simple = sequence(
  literal("\\"),
  oneOf(Array.from('"\\/bfnrt', (one) => [one.charCodeAt(0), one.charCodeAt(0)] as const)),
);

/** One character in a string, as it is or escaped. */
const character: Part = either(oneOf(SAFE), simple, unicode, surrogates);

/** A character of a set, escaped only if it must be. */
export function characterOf(set: CharacterSet): Part {
  const escaped = [...Array.from({ length: 0x20 }, (_, point) => point), 0x22, 0x5c].filter((point) =>
    set.some(([first, last]) => point >= first && point <= last),
  );
  const spelled = escaped.map((point) => literal(JSON.stringify(String.fromCharCode(point)).slice(1, -1)));
  return either(oneOf(intersect(intersect(set, ALL), SAFE)), ...spelled);
}

/** A string of a number of characters. */
export const string = ({ least = 0, most = Number.POSITIVE_INFINITY } = {}): Part =>
  sequence(literal('"'), repeat(character, least, most), literal('"'));

/** Maximum digits of integers and fractions: numbers stay finite, integers exact, and output ends. */
const MOST_DIGITS = 15;
const digit = oneOf([[0x30, 0x39]]);
const digits = repeat(digit, 1, MOST_DIGITS);
const whole = either(literal("0"), sequence(oneOf([[0x31, 0x39]]), repeat(digit, 0, MOST_DIGITS - 1)));

/** An integer. */
export const integer: Part = sequence(optional(literal("-")), whole);

/** A number. */
export const number: Part = sequence(
  integer,
  optional(sequence(literal("."), digits)),
  optional(
    sequence(
      oneOf([
        [0x45, 0x45],
        [0x65, 0x65],
      ]),
      optional(
        oneOf([
          [0x2b, 0x2b],
          [0x2d, 0x2d],
        ]),
      ),
      repeat(digit, 1, 2),
    ),
  ),
);

/** A list in brackets or braces. */
export const enclosed = (open: string, inner: Part, close: string): Part =>
  sequence(literal(open), space, inner, space, literal(close));

export const comma: Part = sequence(literal(","), space);

/** A key and its value. */
export const member = (key: Part, value: Part): Part => sequence(key, literal(":"), space, value);

/** Levels of objects and lists in a value of which nothing is known. An automaton counts no further than it has states. */
const DEPTH = 5;

/** Any value. */
export function anyValue(depth = DEPTH): Part {
  const plain = either(string(), number, literal("true"), literal("false"), literal("null"));
  if (depth === 0) return plain;
  const inner = anyValue(depth - 1);
  return either(plain, enclosed("[", separated(inner, comma), "]"), jsonObject(depth));
}

/** An object of any keys and values. */
export function jsonObject(depth = DEPTH): Part {
  return enclosed("{", separated(member(string(), anyValue(depth - 1)), comma), "}");
}
