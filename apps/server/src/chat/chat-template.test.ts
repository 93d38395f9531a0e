/** What a chat template says against messages reaches the client, and what it lacks is named. */
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { describe, expect, it } from "vitest";
import { createChatTemplate } from "./chat-template.ts";

const tokenizer = await createTokenizer(await trainBpe(["user: a"], { vocabularySize: 262 }));
const messages = [{ role: "user", content: "a" }];
const encode = (source: string, namedTokens = {}, variables = {}) =>
  createChatTemplate(source, { tokenizer, namedTokens }).encode(messages, variables);

describe("a chat template", () => {
  it("that needs a token which the tokenizer lacks is refused by the name of the token", () => {
    const source = "{{ messages[0].content + eos_token }}";
    const refused = expect.objectContaining({ name: "ApiError", message: expect.stringContaining("needs eos_token") });
    expect(() => encode(source)).toThrow(refused);
    expect(tokenizer.decode(encode(source, { eos_token: "!" }))).toBe("a!");
    expect(tokenizer.decode(encode(source, {}, { eos_token: "?" }))).toBe("a?");
  });

  it("says in its own words what it does not take", () => {
    const source = "{% if pad_token is defined %}{% endif %}{{ raise_exception('roles must alternate') }}";
    expect(() => encode(source)).toThrow(/refuses these messages: .*roles must alternate/);
  });
});
