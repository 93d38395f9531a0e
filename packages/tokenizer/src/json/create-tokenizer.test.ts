/**
 * What all tokenizers have in common, and the errors for invalid files.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { readFixture } from "../testing/texts.ts";
import { createTokenBuffer } from "../token-buffer.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { parseTokenizerJson } from "./parse-tokenizer-json.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const small = parseTokenizerJson(readFixture("small.json"));
const wordpiece = parseTokenizerJson(readFixture("wordpiece.json"));
const unigram = parseTokenizerJson(readFixture("unigram.json"));

const refusal = async (json: unknown): Promise<string> => {
  const error = await createTokenizer(json as TokenizerJson).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TokenizerError);
  expect(error).toMatchObject({ userError: true });
  return (error as TokenizerError).message;
};

describe("createTokenizer", () => {
  it("applies normalizers and sequences of pre-tokenizers", async () => {
    const usual = (await createTokenizer(small)).encode("Hello World");
    const lower = await createTokenizer({ ...small, normalizer: { type: "Lowercase" } });
    expect([...lower.encode("Hello World")]).toEqual([...(await createTokenizer(small)).encode("hello world")]);
    expect([...lower.encode("Hello World")]).not.toEqual([...usual]);
    const digits = {
      type: "Sequence",
      pretokenizers: [{ type: "Digits", individual_digits: true }, small.pre_tokenizer],
    };
    const separate = await createTokenizer({ ...small, pre_tokenizer: digits as TokenizerJson["pre_tokenizer"] });
    expect(separate.decode(separate.encode("a 2024"))).toBe("a 2024");
    expect(separate.encode("2024")).toHaveLength(4);
  });

  it("reads merges in the older form, as strings", async () => {
    const merges = (small.model.merges as [string, string][]).map((merge) => merge.join(" "));
    const older = await createTokenizer({ ...small, model: { ...small.model, merges } });
    const text = "We, the people of the United States";
    expect([...older.encode(text)]).toEqual([...(await createTokenizer(small)).encode(text)]);
    expect(older.fingerprint).toBe((await createTokenizer(small)).fingerprint);
  });

  it("gives no special ids for text that must stay text, not even where they are in the model's vocabulary", async () => {
    const tokenizer = await createTokenizer(unigram);
    const id = tokenizer.tokenToId("</s>")!;
    const options = { addSpecialTokens: false, splitSpecialTokens: true };
    expect([...tokenizer.encode("a</s>", { addSpecialTokens: false })]).toContain(id);
    expect([...tokenizer.encode("a</s>", options)]).not.toContain(id);
    expect(tokenizer.decode(tokenizer.encode("a</s>", options))).toBe("a</s>");
    expect([...tokenizer.encode("a</s>", { ...options, keptSpecialTokens: new Set([id]) })]).toContain(id);
    expect([...tokenizer.encode("a</s>", { addSpecialTokens: false })]).toContain(id);
  });

  it("finds the end of text by its usual names, or by the given one", async () => {
    expect((await createTokenizer(small)).endOfText).toBe(0);
    expect((await createTokenizer(unigram)).endOfText).toBe(1);
    expect((await createTokenizer(wordpiece)).endOfText).toBeUndefined();
    expect((await createTokenizer(wordpiece, { endOfText: "[SEP]" })).endOfText).toBe(3);
  });

  it.each([
    ["an array", [], /"model"/],
    ["no model", { version: "1.0" }, /"model"/],
    ["no vocabulary", { model: { type: "BPE" } }, /BPE.*no vocabulary/],
    ["an unknown model", { model: { type: "Nonsense", vocab: {} } }, /"Nonsense".*BPE, Unigram, WordLevel/],
    [
      "an id far out around texts",
      { ...wordpiece, post_processor: { type: "BertProcessing", sep: ["[SEP]", 4e9], cls: ["[CLS]", 2] } },
      /lower than \d+, got 4000000000/,
    ],
    ["an unknown normalizer", { ...wordpiece, normalizer: { type: "Nonsense" } }, /unsupported.*Nonsense/],
    [
      "a merge of unknown tokens",
      {
        ...small,
        model: {
          ...small.model,
          merges: [
            ["a", "b"],
            ["q", "Ħħ"],
          ],
        },
      },
      /merge 2 .*"Ħħ"/,
    ],
    ["a merge of three", { ...small, model: { ...small.model, merges: ["a b c"] } }, /merge 1 .*"a b c"/],
  ])("refuses %s", async (_name, json, message) => {
    expect(await refusal(json)).toMatch(message);
  });
});

describe.each([
  ["WordPiece", wordpiece],
  ["Unigram", unigram],
])("a %s tokenizer", (_name, json) => {
  let tokenizer: Awaited<ReturnType<typeof createTokenizer>>;
  beforeEach(async () => {
    tokenizer = await createTokenizer(json);
  });

  it("has the same members as a byte-level one", async () => {
    const buffer = createTokenBuffer(1);
    const text = "we, the people";
    const ids = tokenizer.encode(text);
    expect(ids).toBeInstanceOf(Int32Array);
    expect(tokenizer.encodeInto(text, buffer)).toBe(ids.length);
    expect([...buffer.ids.subarray(0, buffer.length)]).toEqual([...ids]);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(text);
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([99_999])).toBe("");
    for (const id of ids) expect(tokenizer.tokenToId(tokenizer.idToToken(id)!)).toBe(id);
    expect(Math.max(...ids)).toBeLessThan(tokenizer.vocabularySize);
  });

  it("streams the decoded text", () => {
    const ids = tokenizer.encode("we, the people of the united states");
    const decoder = tokenizer.createDecoder({ skipSpecialTokens: true });
    const parts = [...ids].map((id) => decoder.push(id));
    expect(parts.join("") + decoder.flush()).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
    expect(parts.filter((part) => part !== "").length).toBeGreaterThan(4);
  });

  it("treats lone surrogates as U+FFFD", () => {
    expect([...tokenizer.encode("we\ud800")]).toEqual([...tokenizer.encode("we\ufffd")]);
  });
});
