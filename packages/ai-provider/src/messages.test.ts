/** Messages with calls and their results, which need a model that calls functions to come up in a conversation. */
import { UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import { messagesOf } from "./messages.ts";

describe("messagesOf", () => {
  it("writes calls and results as OpenAI does, and leaves out what the assistant thought", () => {
    const call = { toolCallId: "c1", toolName: "add" };
    const messages = messagesOf([
      { role: "system", content: "Add." },
      {
        role: "user",
        content: [
          { type: "text", text: "1 and " },
          { type: "text", text: "2" },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "hm" },
          { type: "tool-call", ...call, input: { a: 1, b: 2 } },
        ],
      },
      { role: "tool", content: [{ type: "tool-result", ...call, output: { type: "json", value: { sum: 3 } } }] },
    ]);
    const called = { id: "c1", type: "function", function: { name: "add", arguments: '{"a":1,"b":2}' } };
    expect(messages).toEqual([
      { role: "system", content: "Add." },
      { role: "user", content: "1 and 2" },
      { role: "assistant", content: "", tool_calls: [called] },
      { role: "tool", tool_call_id: "c1", content: '{"sum":3}' },
    ]);
  });

  it("refuses files", () => {
    const file = { type: "file", data: "AA==", mediaType: "image/png" } as const;
    expect(() => messagesOf([{ role: "user", content: [file] }])).toThrow(UnsupportedFunctionalityError);
  });
});
