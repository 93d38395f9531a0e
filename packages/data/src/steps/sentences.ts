/**
 * Splits text into sentences by Unicode's rules (UAX 29, through Intl.Segmenter). A blank line ends a sentence, a single line
 * break is a space; an initial or a title before a name ("J. Smith", "Dr. Smith") does not end one.
 */
import { DataError } from "../errors.ts";

/** Splits a text into sentences, trimmed and without line breaks. */
export type SplitSentences = (text: string) => string[];

/** Intl.Segmenter's time grows with the square of the text's length, so it gets the text in windows. */
const WINDOW = 1 << 12;

const titles: Record<string, string> = {
  de: "Dr|Prof|Hr|Fr|Nr|St|Bd|bzw|ca|vgl|geb|gest|Abs|Art|Abb|Kap",
  en: "Mr|Mrs|Ms|Dr|Prof|Rev|Hon|St|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Rep|Pres|Messrs|vs|cf|No|Fig|Vol|pp",
  es: "Sr|Sra|Srta|Dr|Dra|D|Da|Ud|Uds|núm|pág|vol",
  fr: "M|MM|Mme|Mlle|Dr|Pr|St|Ste|Me|vol|fig|cf",
  it: "Sig|Dott|Prof|Ing|Avv|On|pag|vol|fig|cfr",
  nl: "Dhr|Mevr|Mw|Dr|Prof|Ir|Mr|St|blz|nr|ca",
  pt: "Sr|Sra|Dr|Dra|Prof|Exmo|pág|vol|núm",
};

/**
 * Splits by the rules of a language.
 * @param language a language tag (BCP 47), such as "en" or "zh-Hant"
 * @throws DataError for anything else
 */
export function createSentenceSplitter(language: string): SplitSentences {
  const segmentsOf = createSegmenter(language);
  return (text) => {
    const sentences: string[] = [];
    for (const paragraph of text.split(/\r?\n(?:[^\S\n]*\r?\n)+/)) {
      let held = "";
      for (const segment of segmentsOf(paragraph.replace(/\s*\n\s*/g, " "))) {
        held += segment.text;
        if (segment.continues) continue;
        const sentence = held.trim();
        if (sentence !== "") sentences.push(sentence);
        held = "";
      }
      if (held.trim() !== "") sentences.push(held.trim());
    }
    return sentences;
  };
}

/** Finds where `cutIntoPieces` can cut a long text between sentences: after a blank line, or else after a sentence. */
export function createSentenceCuts(language: string): (text: string, near: number) => number | undefined {
  const segmentsOf = createSegmenter(language);
  return (text, near) => {
    const window = Math.min(WINDOW, near >> 1);
    for (let start = near - window; start >= near >> 1; start -= window) {
      const slice = text.slice(start, start + window);
      const blank = [...slice.matchAll(/\n[^\S\n]*\n\s*(?=\S)/g)].at(-1);
      if (blank) return start + blank.index + blank[0].length;
      const segments = segmentsOf(slice.replace(/[\r\n]/g, " "));
      const last = segments.pop();
      if (last && segments.at(-1)?.continues === false) return start + window - last.text.length;
    }
    return undefined;
  };
}

interface Segment {
  text: string;
  /** Whether the sentence continues after it. */
  continues: boolean;
}

function createSegmenter(language: string): (text: string) => Segment[] {
  const segmenter = segmenterOf(language);
  const known = titles[language.toLowerCase().split("-")[0]!];
  const abbreviation = new RegExp(`(?:^|[\\s("'“‘«„\\[.-])(?:\\p{Lu}${known ? `|${known}` : ""})\\.\\s*$`, "u");
  return (text) => {
    const segments: Segment[] = [];
    let window = WINDOW;
    for (let start = 0; start < text.length; ) {
      const slice = text.slice(start, start + window);
      const found = [...segmenter.segment(slice)].map(({ segment }) => segment);
      if (start + slice.length < text.length) {
        found.pop(); // It may continue after the slice.
        if (found.length === 0) {
          window *= 2;
          continue;
        }
      }
      for (const segment of found) {
        segments.push({ text: segment, continues: abbreviation.test(segment) });
        start += segment.length;
      }
      window = WINDOW;
    }
    return segments;
  };
}

function segmenterOf(language: string): Intl.Segmenter {
  try {
    return new Intl.Segmenter(language, { granularity: "sentence" });
  } catch (error) {
    throw new DataError(`${JSON.stringify(language)} is not a language tag: expected one such as en, de or zh-Hant`, {
      cause: error,
    });
  }
}
