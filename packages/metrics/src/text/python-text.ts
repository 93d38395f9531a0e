/**
 * Python's ideas of white space, words and characters, which the reference implementations build on. JavaScript's \s has
 * U+FEFF in place of U+0085 and U+001C..U+001F, and its strings are UTF-16.
 */

/** The inside of a character class: what str.isspace() and \s accept. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const aroundSpaces = new RegExp(`[${SPACE}]+`);
const allSpaces = new RegExp(`[${SPACE}]+`, "g");
const isSpace = new RegExp(`^[${SPACE}]$`);

/** str.split(): the words between white space. */
export const splitWords = (text: string): string[] => text.split(aroundSpaces).filter((word) => word !== "");

/** "".join(text.split()) */
export const removeSpaces = (text: string): string => text.replace(allSpaces, "");

/** str.rstrip() */
export function stripEnd(text: string): string {
  let to = text.length;
  while (to > 0 && isSpace.test(text[to - 1]!)) to--;
  return text.slice(0, to);
}

/** str.strip() */
export function strip(text: string): string {
  let from = 0;
  while (from < text.length && isSpace.test(text[from]!)) from++;
  return stripEnd(text.slice(from));
}
