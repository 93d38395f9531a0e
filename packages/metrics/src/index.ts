/** Perplexity, and the text rules that published perplexities depend on. Numbers in, numbers out. */
export {
  createPerplexity,
  type Perplexity,
  type PerplexityResult,
  type PerplexityState,
  type PerplexityTerm,
} from "./perplexity.ts";
export { countOriginalTokens, detokenizeWikitext } from "./wikitext.ts";
