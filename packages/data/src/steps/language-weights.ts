/** How often to draw from each language, so that small ones are seen more than their share. */
import { DataError } from "../errors.ts";

/**
 * Weights that sum to 1: each language's share of the tokens to the power of `temperature`, scaled. 1 keeps the shares, 0 makes
 * all languages equal. BERT's multilingual model used 0.7 (Devlin et al. 2019), XLM-R and mT5 0.3 (Conneau et al. 2020,
 * Xue et al. 2021, who call it alpha; papers that write share^(1/T) mean its inverse).
 * @param counts tokens of each language; those without any have no weight.
 */
export function languageWeights(counts: Readonly<Record<string, number>>, temperature: number): Record<string, number> {
  if (!(temperature >= 0 && temperature <= 1))
    throw new DataError(
      `expected a temperature from 0 (all languages equal) to 1 (their shares), found ${temperature}`,
    );
  const present = Object.entries(counts).filter(([, tokens]) => tokens > 0);
  const total = present.reduce((sum, [, tokens]) => sum + tokens, 0);
  const powers = present.map(([language, tokens]) => [language, (tokens / total) ** temperature] as const);
  const sum = powers.reduce((all, [, power]) => all + power, 0);
  return Object.fromEntries(powers.map(([language, power]) => [language, power / sum]));
}
