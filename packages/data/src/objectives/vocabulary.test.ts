import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { describe, expect, it } from "vitest";
import { objectiveVocabulary } from "./vocabulary.ts";

describe("objectiveVocabulary", () => {
  it("finds special tokens and continuations of a byte-level vocabulary", async () => {
    const tokenizer = await createTokenizer(
      await trainBpe(["the lowest of the low, the slowest"], { vocabularySize: 280 }),
    );
    const { special, continues } = objectiveVocabulary(tokenizer);
    expect(special[tokenizer.endOfText!]).toBe(1);
    expect(continues[tokenizer.tokenToId("Ġthe")!]).toBe(0);
    expect(continues[tokenizer.tokenToId("e")!]).toBe(1);
    expect(continues[tokenizer.tokenToId(",")!]).toBe(0);
  });
});
