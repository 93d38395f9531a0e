/**
 * What the metrics of translations share: examples with references, and the signature that makes a score reproducible.
 * The number of references is found again from sums: all examples have r of them if their variance is zero.
 */

/** A translation and what it is compared with. */
export interface TranslationExample {
  hypothesis: string;
  /** At least one. */
  references: readonly string[];
}

/** The version of sacreBLEU that the scores equal, named in their signatures. */
const SACREBLEU_VERSION = "2.6.0";

/** @throws RangeError if there are no references */
export function assertReferences({ references }: TranslationExample): void {
  if (references.length === 0) throw new RangeError("an example has no references: there is nothing to compare with");
}

/** What {@link countReferences} needs of one example: 1, the number of references and its square. */
export const referenceStatistics = ({ references: { length } }: TranslationExample): number[] => [
  1,
  length,
  length * length,
];

/** The number of references that every example has, or "var", from sums of {@link referenceStatistics}. */
export function countReferences([examples, references, squares]: readonly number[]): number | "var" {
  return examples! * squares! === references! * references! ? references! / examples! : "var";
}

/** sacreBLEU's signature line, "nrefs:1|case:mixed|...|version:2.6.0". */
export const signature = (references: number | "var", entries: Record<string, string | number>): string =>
  [["nrefs", references], ...Object.entries(entries), ["version", SACREBLEU_VERSION]]
    .map(([name, value]) => `${name}:${value}`)
    .join("|");
