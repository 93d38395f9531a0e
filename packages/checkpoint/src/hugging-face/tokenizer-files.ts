/** Names of the files that make up a tokenizer in Hugging Face's format, and its special ids in generation. */

/** Copied unchanged with a model, in both directions. */
export const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spiece.model",
  "tokenizer.model",
] as const;
