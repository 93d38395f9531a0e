/**
 * Directories without tokenizer.json. fixtures/tokenizer/directories.py compares them with transformers over 500 odd strings:
 *
 *     python fixtures/tokenizer/directories.py
 */
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { loadTokenizer } from "../files.ts";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { parseTokenizerJson } from "../json/parse-tokenizer-json.ts";
import { readFixture } from "../testing/texts.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../../fixtures/tokenizer/${name}`, import.meta.url));
const text = "Fellow-Citizens of the Senate";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, content: unknown) =>
  writeFile(join(directory, name), typeof content === "string" ? content : JSON.stringify(content));

async function sentencePiece(config: object, model = "unigram.model") {
  await copyFile(fixture(model), join(directory, "spiece.model"));
  await write("config.json", config);
  return loadTokenizer(directory);
}

const refusal = async (): Promise<string> => {
  const error = await loadTokenizer(directory).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TokenizerError);
  return (error as TokenizerError).message;
};

describe("a SentencePiece model", () => {
  it("has the end and the sentinels of T5", async () => {
    const tokenizer = await sentencePiece({ model_type: "t5" });
    const bare = await loadTokenizer(fixture("unigram.model"));
    expect([...tokenizer.encode(text)]).toEqual([...bare.encode(text), bare.tokenToId("</s>")]);
    expect(tokenizer.vocabularySize).toBe(bare.vocabularySize + 100);
    expect(tokenizer.tokenToId("<extra_id_0>")).toBe(bare.vocabularySize + 99);
    expect([...tokenizer.encode("<extra_id_99>")]).toEqual([bare.vocabularySize, bare.tokenToId("</s>")]);
    await write("tokenizer_config.json", { tokenizer_class: "T5Tokenizer", extra_ids: 0 });
    expect((await loadTokenizer(directory)).vocabularySize).toBe(bare.vocabularySize);
    await write("tokenizer_config.json", { tokenizer_class: "T5Tokenizer", extra_ids: 4e9 });
    expect(await refusal()).toContain("extra_ids");
  });

  it("has Llama's beginning, unless tokenizer_config.json says otherwise", async () => {
    const tokenizer = await sentencePiece({ model_type: "llama" }, "symbols.model");
    expect(tokenizer.encode(text)[0]).toBe(tokenizer.tokenToId("<s>"));
    const config = { tokenizer_class: "LlamaTokenizer", add_bos_token: false, add_eos_token: true };
    await write("tokenizer_config.json", config);
    const other = (await loadTokenizer(directory)).encode(text);
    expect([other[0] === tokenizer.tokenToId("<s>"), other.at(-1)]).toEqual([false, tokenizer.tokenToId("</s>")]);
  });

  it("has the ids of XLM-R and CamemBERT, which differ from its own", async () => {
    const bare = await loadTokenizer(fixture("suffix.model"));
    const ids = [...bare.encode(text)];
    const shifted = await sentencePiece({ model_type: "xlm-roberta" }, "suffix.model");
    expect([...shifted.encode(text)]).toEqual([0, ...ids.map((id) => id + 1), 2]);
    expect(shifted.tokenToId("<mask>")).toBe(bare.vocabularySize + 1);
    const camembert = await sentencePiece({ tokenizer_class: "CamembertTokenizer" }, "suffix.model");
    expect([...camembert.encode(text)]).toEqual([5, ...ids.map((id) => id + 4), 6]);
  });

  it("is rejected with a class whose special tokens are not known", async () => {
    await sentencePiece({ model_type: "t5" });
    await write("tokenizer_config.json", { tokenizer_class: "MBartTokenizer" });
    expect(await refusal()).toContain("MBartTokenizer");
    await write("tokenizer_config.json", { tokenizer_class: "XLNetTokenizer" });
    expect(await refusal()).toContain('no piece "<cls>"');
  });
});

describe("vocab.json and merges.txt", () => {
  const small = parseTokenizerJson(readFixture("small.json"));
  const { vocab, merges } = small.model as unknown as { vocab: Record<string, number>; merges: [string, string][] };
  const lines = merges.map((pair) => `${pair.join(" ")}\n`).join("");

  it("are GPT-2's tokenizer, or RoBERTa's", async () => {
    await write("vocab.json", vocab);
    await write("merges.txt", `#version: 0.2\n${lines}`);
    const expected = [...(await createTokenizer(small)).encode(text)];
    const tokenizer = await loadTokenizer(directory);
    expect([...tokenizer.encode(text)]).toEqual(expected);
    expect(tokenizer.endOfText).toBe(vocab["<|endoftext|>"]);
    await write("config.json", { model_type: "roberta" });
    const size = Object.keys(vocab).length;
    expect([...(await loadTokenizer(directory)).encode(text)]).toEqual([size, ...expected, size + 1]);
  });

  it.each([
    ["config.json", { model_type: "clip" }, /clip/],
    ["merges.txt", `${lines}a b c\n`, /line \d+ of merges.txt/],
    ["vocab.json", "[]", /vocab.json must have an object/],
    ["vocab.json", { ...vocab, far: 4e9 }, /the id of "far" must be lower/],
  ])("are rejected for a bad %s", async (file, content, message) => {
    await write("vocab.json", vocab);
    await write("merges.txt", lines);
    await write(file, content);
    expect(await refusal()).toMatch(message);
  });
});

describe("vocab.txt", () => {
  it("is BERT's tokenizer", async () => {
    const wordpiece = parseTokenizerJson(readFixture("wordpiece.json"));
    const { vocab } = wordpiece.model as unknown as { vocab: Record<string, number> };
    const tokens = Object.keys(vocab).sort((one, other) => vocab[one]! - vocab[other]!);
    await write("vocab.txt", `${tokens.join("\n")}\n`);
    const [cls, sep] = [vocab["[CLS]"], vocab["[SEP]"]];
    const tokenizer = await loadTokenizer(directory);
    const bare = (await createTokenizer(wordpiece)).encode(text, { addSpecialTokens: false });
    expect([...tokenizer.encode(text)]).toEqual([cls, ...bare, sep]);
    await write("tokenizer_config.json", { tokenizer_class: "BertTokenizer", do_lower_case: false });
    expect([...(await loadTokenizer(directory)).encode(text)]).not.toEqual([cls, ...bare, sep]);
  });
});
