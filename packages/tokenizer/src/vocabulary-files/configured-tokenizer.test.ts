/**
 * A tokenizer.json beside a tokenizer_config.json. Expected ids are those of transformers 5.23; many more variants, over 500 odd
 * strings: `python fixtures/tokenizer/configured.py`.
 */
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { loadTokenizer } from "../files.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function load(config: object, fixture = "small.json", model = "gpt2") {
  const file = fileURLToPath(new URL(`../../../../fixtures/tokenizer/${fixture}`, import.meta.url));
  await copyFile(file, join(directory, "tokenizer.json"));
  await writeFile(join(directory, "config.json"), JSON.stringify({ model_type: model }));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(config));
  return loadTokenizer(directory);
}

const token = (content: string, flags: object = {}) => ({ content, special: true, normalized: false, ...flags });
const SMALL = 700;

describe("a tokenizer.json with a tokenizer_config.json", () => {
  it.each([
    [
      { pad_token: "<x>", eos_token: "<y>" },
      { "<y>": SMALL, "<x>": SMALL + 1 },
    ],
    [{ extra_special_tokens: { b: "<x>", a: "<y>" } }, { "<x>": SMALL, "<y>": SMALL + 1 }],
    [
      { image_token: "<x>", additional_special_tokens: ["<y>"] },
      { "<x>": SMALL, "<y>": SMALL + 1 },
    ],
    [{ added_tokens_decoder: { 900: token("<x>"), 10: token("<y>") } }, { "<y>": SMALL, "<x>": SMALL + 1 }],
    [{ added_tokens_decoder: { 4000000000: token("<x>") } }, { "<x>": SMALL }],
  ])("gets the tokens that only %j names, at the next ids", async (config, ids) => {
    const tokenizer = await load(config);
    for (const [content, id] of Object.entries(ids)) {
      expect(tokenizer.tokenToId(content)).toBe(id);
      expect([...tokenizer.encode(`a${content}`)].at(-1)).toBe(id);
    }
    expect(tokenizer.vocabularySize).toBe(SMALL + Object.keys(ids).length);
  });

  it("makes a special token of one that the vocabulary has, and takes its flags", async () => {
    const a = (await load({})).tokenToId("a");
    expect((await load({ eos_token: "a" })).specialTokens.get("a")).toBe(a);
    const listed = await load({ added_tokens_decoder: { 0: token("<|endoftext|>", { lstrip: true }) } });
    expect([...listed.encode("a <|endoftext|>")]).toEqual([a, 0]);
  });

  it("starts with a blank by GPT-2's class, and is as it was by a class that keeps it", async () => {
    const [plain, blank] = [await load({}), await load({ add_prefix_space: true })];
    expect([...blank.encode("a")]).toEqual([...plain.encode(" a")]);
    const kept = await load({ add_prefix_space: true, tokenizer_class: "PreTrainedTokenizerFast" });
    expect([...kept.encode("a")]).toEqual([...plain.encode("a")]);
    expect(kept.fingerprint).toBe(plain.fingerprint);
  });

  it("keeps or lowers case as BERT's class says, which lowers it by default", async () => {
    const cased = await load({ do_lower_case: false }, "wordpiece.json", "bert");
    const lower = await load({}, "wordpiece.json", "bert");
    expect([...lower.encode("THE")]).toEqual([...lower.encode("the")]);
    expect([...cased.encode("THE")]).not.toEqual([...cased.encode("the")]);
  });

  it.each([
    [{ split_special_tokens: true }, /split_special_tokens/],
    [{ added_tokens_decoder: { 5: { special: true } } }, /added_tokens_decoder has an entry without/],
    [
      { bos_token: "<s>", eos_token: "<s>", unk_token: "<s>", added_tokens_decoder: { 5: token("<s>") } },
      /lacks "<\|endoftext/,
    ],
  ])("is refused with %j", async (config, message) => {
    const error = await load(config).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TokenizerError);
    expect((error as Error).message).toMatch(message);
  });
});
