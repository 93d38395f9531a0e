/**
 * Trains a byte-level BPE tokenizer like GPT-2's: words are split by GPT-2's pattern and spelled in bytes, so that every
 * text can be encoded.
 */
import type { TokenizerJson } from "../json/tokenizer-json.ts";
import { createWordScanner, scanWords } from "../text/pre-tokenizers/word-scanner.ts";
import { templateProcessing } from "./template.ts";
import { type MergeTrainingOptions, trainMerges } from "./train-merges.ts";
import { addedSpecialTokens } from "./training-options.ts";
import type { Texts } from "./word-counts.ts";

/** Options of `trainBpe`. Default special token: `<|endoftext|>`; default template: none. */
export type TrainBpeOptions = MergeTrainingOptions;

function byteLevel(fields: { add_prefix_space: boolean; trim_offsets: boolean }) {
  return { type: "ByteLevel", ...fields, use_regex: true };
}

/**
 * Trains a byte-level BPE tokenizer. It learns the same merges and ids as Hugging Face's BpeTrainer.
 *
 * @throws {TokenizerError} if an option is invalid or there is no text.
 */
export async function trainBpe(texts: Texts, options: TrainBpeOptions): Promise<TokenizerJson> {
  const { specialTokens = ["<|endoftext|>"], template } = options;
  const postProcessor = template
    ? templateProcessing(template, specialTokens)
    : byteLevel({ add_prefix_space: true, trim_offsets: false });
  const preTokenize = scanWords(createWordScanner({ kind: "r50k" }));
  const { tokens, merges } = await trainMerges(texts, options, { specialTokens, preTokenize });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedSpecialTokens(specialTokens),
    normalizer: null,
    pre_tokenizer: byteLevel({ add_prefix_space: false, trim_offsets: true }),
    post_processor: postProcessor,
    decoder: byteLevel({ add_prefix_space: true, trim_offsets: true }),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => [tokens[left], tokens[right]]),
    },
  };
}
