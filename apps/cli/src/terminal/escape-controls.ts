/** Makes text from outside (file names, tokens, generated text) safe to show on a terminal. */

/** All control characters (C0, DEL, C1) but tab and line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const escaped = (prefix: string, digits: number) => (character: string) =>
  `${prefix}${character.charCodeAt(0).toString(16).padStart(digits, "0")}`;

/** Replaces control characters with visible escapes: ESC with `\x1b`. Tabs and line breaks stay. */
export const escapeControls = (text: string): string => text.replaceAll(CONTROLS, escaped("\\x", 2));

/** The same for JSON, which leaves DEL and C1 as they are: an equal value in other words. */
export const escapeJsonControls = (json: string): string => json.replaceAll(CONTROLS, escaped("\\u", 4));
