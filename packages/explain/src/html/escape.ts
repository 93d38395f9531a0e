/** Text in HTML. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Escapes a text for contents and quoted attributes. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);

/** A token as it is shown: with its spaces and line breaks visible. */
export const shownToken = (text: string): string =>
  escapeHtml(text.replaceAll(" ", "\u00B7").replaceAll("\n", "\u21B5").replaceAll("\t", "\u2192")) || "\u00A0";

/** A probability for people. */
export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** A number with its sign. */
export const number = (value: number): string => (value >= 0 ? "+" : "\u2212") + Math.abs(value).toFixed(2);
