/**
 * Summaries that need no model, to compare with: the first three sentences of a text, and the same string for every text, which
 * reaches astonishing scores where all summaries are alike (ROUGE-1 of 26 in DialogSum).
 */
import { createRouge } from "@megatron-ts/metrics";

/** Strings that are tried as the constant one, and texts that they are scored on; evenly spaced. */
const CANDIDATES = 30;
const TRIED_ON = 100;

/** Sentences, or turns of a dialogue, which are lines. */
function leadOf(text: string, count: number): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const sentences = lines.length >= count ? lines : (text.match(/[^.!?]+(?:[.!?]+["')\]]*|$)\s*/g) ?? [text]);
  return sentences
    .slice(0, count)
    .map((sentence) => sentence.trim())
    .join("\n");
}

function spaced<Item>(items: readonly Item[], count: number): Item[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, index) => items[Math.floor(index * step)]!);
}

/** The reference that scores highest by ROUGE-1 as the summary of every text: the best in hindsight, since it is one of them. */
function bestConstant(references: readonly (readonly string[])[]): string {
  const scoreOf = (hypothesis: string) => {
    const rouge = createRouge({ types: ["rouge1"], stemmer: true });
    for (const own of spaced(references, TRIED_ON)) rouge.add({ hypothesis, references: own });
    return rouge.result().rouge1!.fMeasure;
  };
  const candidates = spaced(references, CANDIDATES).map(([first]) => first!);
  const scores = candidates.map(scoreOf);
  return candidates[scores.indexOf(Math.max(...scores))]!;
}

/** The summaries of each, by its name. */
export function summaryBaselines(
  rows: readonly { source: string; references: readonly string[] }[],
): Record<string, string[]> {
  const constant = bestConstant(rows.map(({ references }) => references));
  return {
    "lead-3": rows.map(({ source }) => leadOf(source, 3)),
    "best constant string": rows.map(() => constant),
  };
}
