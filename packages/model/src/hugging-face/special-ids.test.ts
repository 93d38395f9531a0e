/** Expected values: what transformers 5.23 makes of the same files. */
import { describe, expect, it } from "vitest";
import { checkSpecialIds, generationConfigOf, otherGenerationFields, readGenerationIds } from "./special-ids.ts";

const source = "a/generation_config.json";
const vocabularySize = 60;

describe("ids of special tokens", () => {
  it.each([
    ...["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "sep_token_id"].flatMap((field) =>
      [1.5, "2", true, {}, 1e300, -2].map((value) => ({ [field]: value })),
    ),
    { eos_token_id: [2, 1.5] },
    { eos_token_id: [] },
    { eos_token_id: -1 },
    { bos_token_id: [2] },
    { decoder_start_token_id: -1 },
    { decoder_start_token_id: 60 },
    { forced_bos_token_id: 4e9 },
    { forced_eos_token_id: [2, 60] },
  ])("refuse %o by its name", (json) => {
    const [field] = Object.keys(json);
    const check = () => checkSpecialIds(json, { source, vocabularySize });
    expect(check).toThrow(new RegExp(`^${source}: ${field}: expected .*, got [^\n]*$`));
    expect(check).toThrow(expect.objectContaining({ userError: true }));
  });

  it.each([
    { bos_token_id: null, eos_token_id: null },
    { eos_token_id: [2, 3], pad_token_id: -1 },
    { eos_token_id: 4e9, bos_token_id: 60 },
    { decoder_start_token_id: 59, forced_eos_token_id: 2 },
  ])("accept %o", (json) => {
    expect(() => checkSpecialIds(json, { source, vocabularySize })).not.toThrow();
  });

  it("say where text begins and ends; without an end, nowhere", () => {
    const read = (json: object) => readGenerationIds(json as Record<string, unknown>, { source });
    expect(read({ eos_token_id: 2, decoder_start_token_id: 0, bos_token_id: 1 })).toEqual({
      stopTokens: [2],
      startToken: 0,
    });
    expect(read({ eos_token_id: [2, 3], bos_token_id: 1 })).toEqual({ stopTokens: [2, 3], startToken: 1 });
    expect(read({ eos_token_id: null, bos_token_id: -1 })).toEqual({ stopTokens: [] });
    expect(read({ temperature: 0.6 })).toEqual({ stopTokens: [] });
  });

  it("are those of config.json in a model without generation_config.json, without its class's defaults", () => {
    expect(generationConfigOf({ model_type: "llama", bos_token_id: 1 })).toEqual({ bos_token_id: 1 });
    expect(generationConfigOf({ model_type: "bart", num_beams: 4, eos_token_id: [2] })).toEqual({
      eos_token_id: [2],
      num_beams: 4,
    });
    expect(generationConfigOf({ model_type: "llama" })).toBe(undefined);
  });
});

describe("other fields of generation_config.json", () => {
  it("are listed where they change greedy text", () => {
    expect(otherGenerationFields({ num_beams: 4, no_repeat_ngram_size: 3, suppress_tokens: [5] })).toEqual([
      "num_beams 4",
      "no_repeat_ngram_size 3",
      "suppress_tokens [5]",
    ]);
    expect(otherGenerationFields({ num_beams: 1, min_length: 0, suppress_tokens: [], temperature: 0.6 })).toEqual([]);
  });
});
