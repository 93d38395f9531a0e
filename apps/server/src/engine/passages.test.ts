/** Which models have training data to search: those whose recipes name prepared data, not rows. */
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { describe, expect, it } from "vitest";
import { createPassageSearch } from "./passages.ts";

const tokenizer = await createTokenizer(await trainBpe(["a"], { vocabularySize: 257 }));

describe("createPassageSearch", () => {
  it("leaves out models that were fine-tuned on rows, and those of which nobody knows", async () => {
    const rows = { task: { name: "classification" }, data: { train: "rows.jsonl" } };
    for (const recipe of [rows, null]) expect(await createPassageSearch({ tokenizer, recipe }, true)).toBe(null);
    const recipe = { data: { train: "nowhere/data" } };
    expect(await createPassageSearch({ tokenizer, recipe }, undefined)).toBe(null);
    await expect(createPassageSearch({ tokenizer, recipe }, true)).rejects.toMatchObject({ name: "DataError" });
  });
});
