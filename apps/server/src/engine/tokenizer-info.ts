/** What clients that work with token ids ask about a tokenizer: its tokenizer_config.json, as vLLM answers. */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Fields that name files of the machine that the model was made on. */
const HIDDEN = ["name_or_path", "special_tokens_map_file", "tokenizer_file", "vocab_file", "merges_file"];

/** A special token as its text, whichever way the file has it. */
const textOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "content" in value ? value.content : value;

/**
 * The settings, with special tokens as texts. `tokenizer_class` and `eos_token` are always there, the latter as texts end here;
 * `chat_template` is that which is served.
 */
export function tokenizerInfo(
  config: Readonly<Record<string, unknown>>,
  { tokenizer, chatTemplate }: { tokenizer: Tokenizer; chatTemplate: string | null },
): Record<string, unknown> {
  const shown = Object.entries(config).filter(([name]) => !HIDDEN.includes(name));
  const { endOfText } = tokenizer;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...Object.fromEntries(shown.map(([name, value]) => [name, name.endsWith("_token") ? textOf(value) : value])),
    eos_token: endOfText === undefined ? null : tokenizer.idToToken(endOfText),
    chat_template: chatTemplate,
  };
}
