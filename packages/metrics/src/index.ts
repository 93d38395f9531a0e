/** Numbers in, numbers out: perplexity, and the text rules that its published figures depend on. */
export {
  createPerplexity,
  type Perplexity,
  type PerplexityResult,
  type PerplexityState,
  type PerplexityTerm,
} from "./perplexity.ts";
export { countOriginalTokens, detokenizeWikitext } from "./wikitext.ts";
