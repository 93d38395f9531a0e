import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenizerError } from "./errors.ts";
import { loadTokenizer, saveTokenizer } from "./files.ts";
import { parseTokenizerJson } from "./json/parse-tokenizer-json.ts";
import { readFixture } from "./testing/texts.ts";

const text = readFixture("small.json");
const json = parseTokenizerJson(text);
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const refusal = async (path: string): Promise<string> => {
  const error = await loadTokenizer(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TokenizerError);
  return (error as Error).message;
};

describe("tokenizers on disk", () => {
  it("are saved in the format of the reference, and loaded by directory or by file", async () => {
    const target = join(directory, "new/tok");
    await saveTokenizer(json, target);
    expect(await readdir(target)).toEqual(["tokenizer.json"]);
    expect(await readFile(join(target, "tokenizer.json"), "utf8")).toBe(text);
    const byDirectory = await loadTokenizer(target);
    const byFile = await loadTokenizer(join(target, "tokenizer.json"));
    expect([...byDirectory.encode("the people")]).toEqual([...byFile.encode("the people")]);
    expect(byDirectory.decode(byDirectory.encode("the people"))).toBe("the people");
  });

  it("replace an existing file, or leave it unchanged if that fails", async () => {
    await saveTokenizer(json, directory);
    await saveTokenizer({ ...json, padding: {} }, directory);
    expect((await loadTokenizer(directory)).json.padding).toEqual({});
    await rm(join(directory, "tokenizer.json"));
    await mkdir(join(directory, "tokenizer.json/in-the-way"), { recursive: true });
    await expect(saveTokenizer(json, directory)).rejects.toThrow();
    expect(await readdir(directory)).toEqual(["tokenizer.json"]);
  });

  it.skipIf(process.platform === "win32")("are refused if they are no regular file", async () => {
    const target = join(directory, "fifo");
    await mkdir(target);
    spawnSync("mkfifo", [join(target, "tokenizer.json")]);
    expect(await refusal(target)).toMatch(/not a regular file/);
    expect(await refusal("/dev/zero")).toMatch(/not a regular file/);
    await rm(target, { recursive: true });
  });

  it("remove what a killed process left", async () => {
    const names = ["tokenizer.json.00000000-0000-4000-8000-000000000000.tmp", "tokenizer.json.mine.tmp"];
    for (const name of names) {
      await writeFile(join(directory, name), "");
      await utimes(join(directory, name), 0, 0);
    }
    await saveTokenizer(json, directory);
    expect(await readdir(directory)).toEqual(["tokenizer.json", names[1]]);
  });

  it.each(['{"eos_token": "b"}', '{"eos_token": {"content": "b", "lstrip": false}}'])(
    "take the end of text from %s",
    async (config) => {
      const token = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
      const added = [
        { ...token, id: 0, content: "<|endoftext|>" },
        { ...token, id: 66, content: "b" },
      ];
      await saveTokenizer({ ...json, added_tokens: added }, directory);
      expect((await loadTokenizer(directory)).endOfText).toBe(0);
      await writeFile(join(directory, "tokenizer_config.json"), config);
      expect((await loadTokenizer(directory)).endOfText).toBe(66);
    },
  );

  it("are named in the error if they are missing or invalid", async () => {
    const missing = join(directory, "nowhere");
    expect(await refusal(missing)).toContain(missing);
    const file = join(directory, "tokenizer.json");
    expect(await refusal(directory)).toContain(file);
    await writeFile(file, text.slice(0, 5000));
    expect(await refusal(directory)).toContain(`${file} is not valid JSON`);
    await writeFile(file, "[1, 2]");
    expect(await refusal(file)).toContain(`${file} is not a tokenizer`);
    await writeFile(file, text);
    await writeFile(join(directory, "tokenizer_config.json"), "{");
    expect(await refusal(directory)).toMatch(/tokenizer_config.json is not valid JSON/);
    await writeFile(join(directory, "tokenizer_config.json"), "null");
    expect(await refusal(directory)).toMatch(/tokenizer_config.json is not a JSON object/);
    await writeFile(join(directory, "tokenizer_config.json"), '{"eos_token":{"content":[]}}');
    expect(await refusal(directory)).toMatch(/tokenizer_config.json: eos_token/);
  });
});
