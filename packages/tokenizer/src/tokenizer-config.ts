/**
 * Describes a tokenizer to transformers, as tokenizer_config.json. Without one, transformers builds the tokenizer that is
 * usual for a model's family and leaves the pipeline in tokenizer.json aside.
 */
import { specialTokenNames } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Names of the token that starts a text, in order of preference. */
const BEGINNINGS = ["<s>", "<bos>", "<|begin_of_text|>"];

/**
 * The fields of a tokenizer_config.json: a class that keeps the pipeline in tokenizer.json, and the special tokens by what
 * they are used for. Only special tokens are named: transformers would add any other one to the vocabulary.
 */
export function tokenizerConfig(
  tokenizer: Pick<Tokenizer, "specialTokens" | "endOfText" | "idToToken" | "json">,
): Record<string, string | boolean> {
  const first = (names: readonly string[]) => names.find((name) => tokenizer.specialTokens.has(name));
  const end = tokenizer.endOfText === undefined ? undefined : tokenizer.idToToken(tokenizer.endOfText);
  const mask = first(specialTokenNames.mask);
  const roles = {
    bos_token: first(BEGINNINGS),
    eos_token: end,
    unk_token: first(unknownTokens(tokenizer.json.model)),
    pad_token: first(specialTokenNames.padding),
    // Those of encoders; elsewhere <s> and </s> only start and end texts.
    ...(mask && {
      cls_token: first(specialTokenNames.classification),
      sep_token: first(specialTokenNames.separator),
      mask_token: mask,
    }),
  };
  const named = Object.entries(roles).filter((role): role is [string, string] => role[1] !== undefined);
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    // The decoder in tokenizer.json is complete.
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries(named),
  };
}

function unknownTokens({ unk_token: token, unk_id: id, vocab }: Tokenizer["json"]["model"]): string[] {
  if (typeof token === "string") return [token];
  const entry: unknown = Array.isArray(vocab) && typeof id === "number" ? vocab[id]?.[0] : undefined;
  return typeof entry === "string" ? [entry] : [];
}
