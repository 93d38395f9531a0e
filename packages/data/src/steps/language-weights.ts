/** Sampling weights of languages, to draw small ones more often than their share. */
import { DataError } from "../errors.ts";

/**
 * Weights proportional to share^temperature, which sum to 1. At 1 they are the shares, at 0 all languages are equal.
 * Multilingual BERT used 0.7 (Devlin et al. 2019), XLM-R and mT5 0.3 (Conneau et al. 2020; Xue et al. 2021, who call it
 * alpha). Papers that write share^(1/T) mean the inverse.
 * @param counts tokens of each language; languages without tokens get no weight
 * @throws DataError for a temperature outside 0 to 1
 */
export function languageWeights(counts: Readonly<Record<string, number>>, temperature: number): Record<string, number> {
  if (!(temperature >= 0 && temperature <= 1))
    throw new DataError(`expected a temperature from 0 (all languages equal) to 1 (their shares), got ${temperature}`);
  const present = Object.entries(counts).filter(([, tokens]) => tokens > 0);
  const total = present.reduce((sum, [, tokens]) => sum + tokens, 0);
  const powers = present.map(([language, tokens]) => [language, (tokens / total) ** temperature] as const);
  const sum = powers.reduce((all, [, power]) => all + power, 0);
  return Object.fromEntries(powers.map(([language, power]) => [language, power / sum]));
}
