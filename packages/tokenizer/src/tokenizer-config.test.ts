/** The tokenizer_config.json of trained tokenizers. fixtures/exchange loads them in transformers. */
import { describe, expect, it } from "vitest";
import { createTokenizer } from "./json/create-tokenizer.ts";
import { tokenizerConfig } from "./tokenizer-config.ts";
import { trainBpe } from "./training/train-bpe.ts";
import { trainUnigram } from "./training/train-unigram.ts";
import { trainWordPiece } from "./training/train-wordpiece.ts";

const plain = { tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false };
const texts = ["call me Ishmael, some years ago"];

describe("tokenizerConfig", () => {
  it("names the special tokens by what they are used for", async () => {
    const describeTokenizer = async (json: Parameters<typeof createTokenizer>[0]) =>
      tokenizerConfig(await createTokenizer(json));
    expect(await describeTokenizer(await trainBpe(texts, { vocabularySize: 270 }))).toEqual({
      ...plain,
      eos_token: "<|endoftext|>",
    });
    expect(await describeTokenizer(await trainWordPiece(texts, { vocabularySize: 540 }))).toEqual({
      ...plain,
      unk_token: "[UNK]",
      pad_token: "[PAD]",
      cls_token: "[CLS]",
      sep_token: "[SEP]",
      mask_token: "[MASK]",
    });
    expect(await describeTokenizer(await trainUnigram(texts, { vocabularySize: 480 }))).toEqual({
      ...plain,
      eos_token: "</s>",
      unk_token: "<unk>",
      pad_token: "<pad>",
    });
  });

  it("leaves out tokens that are not special", async () => {
    const json = await trainBpe(texts, { vocabularySize: 270, specialTokens: ["<|endoftext|>", "<pad>"] });
    const ordinary = { ...json, added_tokens: json.added_tokens!.filter(({ content }) => content !== "<pad>") };
    expect(tokenizerConfig(await createTokenizer(json))).toMatchObject({ pad_token: "<pad>" });
    expect(tokenizerConfig(await createTokenizer(ordinary))).not.toHaveProperty("pad_token");
  });
});
