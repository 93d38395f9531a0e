import { describe, expect, it } from "vitest";
import { templateProcessing } from "./template.ts";

describe("templateProcessing", () => {
  it("parses texts, special tokens and token types", () => {
    const part = templateProcessing({ single: "<s> $A", pair: "<s> $A $B:1 <s>:1" }, ["<pad>", "<s>"]);
    expect(part).toEqual({
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "<s>", type_id: 1 } },
      ],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    });
  });

  it("rejects special tokens without an id", () => {
    expect(() => templateProcessing({ single: "$A </s>", pair: "$A $B" }, ["<s>"])).toThrow(/include <\/s>/);
  });
});
