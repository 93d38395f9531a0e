/** Distinct n-grams and repetition, counted by hand. */
import { describe, expect, it } from "vitest";
import { createDiversity } from "./diversity.ts";

const texts = ["I do not know.", "I do not know, I do not know", "Yes", ""];

describe("createDiversity", () => {
  it("counts different words and pairs over all texts, and 4-grams within each", () => {
    const diversity = createDiversity();
    for (const text of texts) diversity.add(text);
    // 5 + 9 + 1 words: i do not know . , yes. Pairs: i do, do not, not know, know ., know , and ", i".
    expect(diversity.result()).toEqual({
      distinct1: 7 / 15,
      distinct2: 6 / 12,
      // The second text has six 4-grams, of which "i do not know" is there twice.
      repetition: (0 + 1 / 6) / 2,
    });
  });

  it("takes each Chinese character as a word", () => {
    const diversity = createDiversity();
    diversity.add("我不知道");
    diversity.add("我知");
    expect(diversity.result()).toMatchObject({ distinct1: 4 / 6, repetition: 0 });
  });

  it("merges to what one evaluator finds", () => {
    const [all, first, second] = [createDiversity(), createDiversity(), createDiversity()];
    for (const [index, text] of texts.entries()) {
      all.add(text);
      (index < 2 ? first : second).add(text);
    }
    const restored = createDiversity(JSON.parse(JSON.stringify(first.state())));
    restored.merge(second);
    expect(restored.result()).toEqual(all.result());
  });

  it("has no scores without texts", () => {
    expect(createDiversity().result().distinct1).toBeNaN();
  });
});
