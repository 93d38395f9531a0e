/** The files of a tokenizer in Hugging Face's format, which travel with its model byte for byte. */

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
