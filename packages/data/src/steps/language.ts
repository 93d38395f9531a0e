/**
 * Detects which of 60 languages a text is in, by character n-grams (ELD with its small table of 1.6 MB, loaded on first use).
 * The language is "und" where the result is not reliable: too few letters, or another language.
 */

const UNDETERMINED = "und";

/** ELD reads only the first 350 bytes, so a long text is sampled in several stretches, which vote. */
const STRETCHES = 5;
const STRETCH_LENGTH = 350;

/** Loads a function that returns the ISO 639-1 code of a text's language, or "und". */
export async function loadLanguageIdentifier(): Promise<(text: string) => string> {
  const { eld } = await import("eld/small");
  return (text) => {
    const stretches = stretchesOf(text);
    const votes = new Map<string, number>();
    for (const stretch of stretches) {
      const result = eld.detect(stretch);
      if (result.isReliable()) votes.set(result.language, (votes.get(result.language) ?? 0) + 1);
    }
    const [language, count] = [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best), [UNDETERMINED, 0]);
    return 2 * count > stretches.length ? language : UNDETERMINED;
  };
}

function stretchesOf(text: string): string[] {
  if (text.length <= STRETCHES * STRETCH_LENGTH) return [text];
  return Array.from({ length: STRETCHES }, (_, i) => {
    const start = Math.round((i / (STRETCHES - 1)) * (text.length - STRETCH_LENGTH));
    return text.slice(start, start + STRETCH_LENGTH);
  });
}
