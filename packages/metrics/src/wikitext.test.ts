/** Expected texts were made by hand from the rules, and agree with Megatron-LM's own function. */
import { describe, expect, it } from "vitest";
import { countOriginalTokens, detokenizeWikitext } from "./wikitext.ts";

describe("detokenizeWikitext", () => {
  it.each([
    ["costs 1 @,@ 000 @.@ 5 a well @-@ known sum", "costs 1,000.5 a well-known sum"],
    ["one : two ; three . four ! five ? six , seven", "one: two; three. four! five? six, seven"],
    ["( a ( b ) c ) [ d ] { e } ( open", "(a ( b) c ) [d] {e} ( open"],
    ["he said \" yes \" and ' no ' to it 's price", "he said \"yes\" and 'no' to it's price"],
    ["the players ' game", "the players' game"],
    ["= = = = a = = = b = = c = d", "==== a === b == c = d"],
    ["at 5 ° C", "at 5°C"],
    [" = Title = \n \n Text , here .\n", " = Title =\n\nText, here .\n"],
    ["N N N", "N 1 N"],
    ["(\u00a0a\u0085) (\ufeffb)", "(a) (\ufeffb)"],
    ["/' 5/", "/'[0-9]/"],
  ])("%j", (spaced, joined) => {
    expect(detokenizeWikitext(spaced)).toBe(joined);
  });

  it("takes linear time on text that never closes its brackets", () => {
    const text = "( ".repeat(200_000);
    const start = performance.now();
    expect(detokenizeWikitext(text)).toBe(text);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("countOriginalTokens", () => {
  it("strips, then splits on single spaces only", () => {
    expect(countOriginalTokens(" = Title = \n \n Text , here .\n")).toBe(9);
    expect(countOriginalTokens("a\nb  c")).toBe(3);
    expect(countOriginalTokens("")).toBe(1);
  });
});
