/** Names and numbers of a reference that a text has too: what a summary must not get wrong, and ROUGE hardly notices. */

/** Numbers, and words with a capital that do not begin a sentence. */
function factsIn(text: string): Set<string> {
  const numbers = text.match(/\d+(?:[.,:]\d+)*/g) ?? [];
  const names = [...text.matchAll(/(?<![.!?]["')\]]*\s|^\s*|\n\s*)\b\p{Lu}[\p{L}\p{M}\p{N}]+/gu)].map(([name]) => name);
  return new Set([...numbers, ...names]);
}

/** Of the references' names and numbers: how many there are, and how many the text has. */
export function keptFacts(references: readonly string[], text: string): { kept: number; all: number } {
  const wanted = new Set(references.flatMap((reference) => [...factsIn(reference)]));
  const words = new Set(text.match(/\d+(?:[.,:]\d+)*|[\p{L}\p{M}\p{N}]+/gu) ?? []);
  return { kept: [...wanted].filter((fact) => words.has(fact)).length, all: wanted.size };
}
