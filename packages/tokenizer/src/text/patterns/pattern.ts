/**
 * Finds the matches of a pattern of tokenizer.json in a text: a literal string or a regular expression.
 */
import { translatePattern } from "./translate-pattern.ts";

/** A part of a text, in UTF-16 code units, and whether the pattern matches it. */
interface PatternPart {
  start: number;
  end: number;
  isMatch: boolean;
}

/** Splits a text into parts that match and parts that do not. Matches may be empty. */
export type Pattern = (text: string) => PatternPart[];

/** A pattern as tokenizer.json has it. */
export type PatternJson = { String: string } | { Regex: string };

type Match = { start: number; end: number } | undefined;

/** The first match at or after a position. */
type Search = (text: string, from: number) => Match;

function searchText(literal: string): Search {
  return (text, from) => {
    const start = text.indexOf(literal, from);
    return start < 0 ? undefined : { start, end: start + literal.length };
  };
}

const isInsidePair = (text: string, index: number): boolean =>
  index > 0 && index < text.length && text.codePointAt(index - 1)! > 0xffff;

function searchExpression(source: string): Search {
  const expression = new RegExp(source, "gu");
  return (text, from) => {
    expression.lastIndex = from;
    let found = expression.exec(text);
    // V8 finds empty matches inside of surrogate pairs.
    while (found && isInsidePair(text, found.index)) {
      expression.lastIndex = found.index + 1;
      found = expression.exec(text);
    }
    return found ? { start: found.index, end: found.index + found[0].length } : undefined;
  };
}

const characterLength = (text: string, position: number): number => (text.codePointAt(position)! > 0xffff ? 2 : 1);

/**
 * Creates a pattern. As in the reference, an empty match right after another match is skipped.
 *
 * @throws {TokenizerError} if the regular expression is not supported.
 */
export function createPattern(json: PatternJson): Pattern {
  const search = "String" in json ? searchText(json.String) : searchExpression(translatePattern(json.Regex));
  return (text) => {
    if (text === "") return [{ start: 0, end: 0, isMatch: false }];
    const parts: PatternPart[] = [];
    let position = 0;
    let lastEnd = -1;
    let from = 0;
    while (from <= text.length) {
      const found = search(text, from);
      if (!found) break;
      if (found.start === found.end && found.end === lastEnd) {
        from += from < text.length ? characterLength(text, from) : 1;
        continue;
      }
      if (position < found.start) parts.push({ start: position, end: found.start, isMatch: false });
      parts.push({ ...found, isMatch: true });
      position = found.end;
      lastEnd = found.end;
      from = found.end;
    }
    if (position < text.length) parts.push({ start: position, end: text.length, isMatch: false });
    return parts;
  };
}
