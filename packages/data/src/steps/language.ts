/**
 * Tells which of 60 languages a text is in, by its character n-grams (ELD, the small table: 1.6 MB, loaded on first use). A
 * text that it is not sure of, for want of letters or in another language, is of language "und".
 */

export const UNDETERMINED = "und";

/** ELD looks at a thousand characters: they are four stretches spread over the text. */
const STRETCHES = 4;
const STRETCH_LENGTH = 249;

/** Gives the ISO 639-1 code of a text's language, or "und". */
export async function loadLanguageIdentifier(): Promise<(text: string) => string> {
  const { eld } = await import("eld/small");
  return (text) => {
    const result = eld.detect(stretchesOf(text));
    return result.isReliable() ? result.language : UNDETERMINED;
  };
}

function stretchesOf(text: string): string {
  if (text.length <= STRETCHES * STRETCH_LENGTH) return text;
  const starts = Array.from({ length: STRETCHES }, (_, i) =>
    Math.round((i / (STRETCHES - 1)) * (text.length - STRETCH_LENGTH)),
  );
  return starts.map((start) => text.slice(start, start + STRETCH_LENGTH)).join(" ");
}
