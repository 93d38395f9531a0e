import { describe, expect, it } from "vitest";
import { readFixture } from "../testing/texts.ts";
import { fingerprintOf, fnv1a64 } from "./fingerprint.ts";
import { parseTokenizerJson } from "./parse-tokenizer-json.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const small = parseTokenizerJson(readFixture("small.json"));
const unigram = parseTokenizerJson(readFixture("unigram.json"));

describe("the hash", () => {
  it.each([
    ["", "cbf29ce484222325"],
    ["a", "af63dc4c8601ec8c"],
    ["foobar", "85944171f73967e8"],
  ])("of %j matches the published test vector", (text, hash) => {
    expect(fnv1a64(text)).toBe(hash);
  });
});

describe("a fingerprint", () => {
  const before = fingerprintOf(small);

  it("is the same in every release", () => {
    expect(before).toBe("aba98dd2b44234e0");
  });

  it("ignores the order of fields, padding, and options that are off", () => {
    const reversed = Object.fromEntries(Object.entries(small).reverse()) as unknown as TokenizerJson;
    const { dropout, fuse_unk, ...model } = small.model;
    expect([dropout, fuse_unk]).toEqual([null, false]);
    const { use_regex, ...older } = small.pre_tokenizer!;
    expect(use_regex).toBe(true);
    expect(fingerprintOf({ ...reversed, model, pre_tokenizer: older, padding: { strategy: "BatchLongest" } })).toBe(
      before,
    );
  });

  it.each<[string, TokenizerJson]>([
    ["a merge", { ...small, model: { ...small.model, merges: (small.model.merges as []).slice(1) } }],
    ["the order of merges", { ...small, model: { ...small.model, merges: (small.model.merges as []).toReversed() } }],
    ["an id", { ...small, model: { ...small.model, vocab: { ...(small.model.vocab as object), "!": 2, '"': 1 } } }],
    ["an added token", { ...small, added_tokens: [] }],
    ["the pre-tokenizer", { ...small, pre_tokenizer: { ...small.pre_tokenizer!, add_prefix_space: true } }],
    ["the normalizer", { ...small, normalizer: { type: "NFC" } }],
    ["the post-processor", { ...small, post_processor: { type: "BertProcessing", sep: ["a", 1], cls: ["b", 2] } }],
    ["ignored merges", { ...small, model: { ...small.model, ignore_merges: true } }],
  ])("changes with %s", (_name, json) => {
    expect(fingerprintOf(json)).not.toBe(before);
  });

  it("changes with scores", () => {
    const vocab = (unigram.model.vocab as [string, number][]).map(([token, score], id) => [
      token,
      id === 9 ? 0 : score,
    ]);
    expect(fingerprintOf({ ...unigram, model: { ...unigram.model, vocab } })).not.toBe(fingerprintOf(unigram));
  });
});
