/** Names of the files that make up a tokenizer in Hugging Face's format. */

/** Copied unchanged with a model, in both directions. */
export const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spiece.model",
  "tokenizer.model",
] as const;
