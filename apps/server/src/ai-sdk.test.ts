/** The AI SDK against a server, through our provider: whole and streamed texts, objects, calls of tools, and refusals. */
import { createMegatron } from "@megatron-ts/ai-provider";
import { APICallError, generateObject, generateText, jsonSchema, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

let tiny: TinyServer;
let model: ReturnType<ReturnType<typeof createMegatron>>;
beforeAll(async () => {
  tiny = await startTiny({ apiKeys: ["sk-1"] });
  model = createMegatron({ baseURL: `${tiny.server.url}/v1/`, apiKey: "sk-1" })("tiny");
});
afterAll(() => tiny.stop());

const options = { prompt: "who are you?", temperature: 0, maxOutputTokens: 24, maxRetries: 0 };

describe("the AI SDK", () => {
  it("generates what the server answers, whole and streamed, with usage", async () => {
    const answer = await tiny.post(
      "/v1/chat/completions",
      { messages: [{ role: "user", content: options.prompt }], temperature: 0, max_tokens: 24 },
      { Authorization: "Bearer sk-1" },
    );
    const { choices, usage } = (await answer.json()) as {
      choices: { message: { content: string } }[];
      usage: { prompt_tokens: number; completion_tokens: number };
    };
    const expected = choices[0]!.message.content;
    expect(expected).not.toBe("");
    const whole = await generateText({ model, ...options });
    expect([whole.text, whole.finishReason, whole.usage.outputTokens]).toEqual([
      expected,
      "length",
      usage.completion_tokens,
    ]);
    const streamed = streamText({ model, ...options });
    let text = "";
    for await (const piece of streamed.textStream) text += piece;
    expect(text).toBe(expected);
    expect((await streamed.usage).inputTokens).toBe(usage.prompt_tokens);
    expect(await streamed.finishReason).toBe("length");
  });

  it("generates objects of a schema, and calls tools", async () => {
    const properties = { calm: { type: "boolean" }, sea: { enum: ["north", "south"] } } as const;
    const required = ["calm", "sea"] as const;
    const schema = jsonSchema<{ calm: boolean; sea: string }>({
      ...{ type: "object", properties, required: [...required], additionalProperties: false },
    });
    const { object } = await generateObject({ model, ...options, maxOutputTokens: 100, schema });
    expect([typeof object.calm, ["north", "south"].includes(object.sea)]).toEqual(["boolean", true]);
    const sail = tool({ description: "Sails.", inputSchema: schema });
    const given = { model, ...options, maxOutputTokens: 120, tools: { sail }, toolChoice: "required" } as const;
    const { toolCalls } = await generateText(given);
    expect(toolCalls).toMatchObject([{ toolName: "sail", input: { calm: expect.any(Boolean) } }]);
    const streamed = streamText(given);
    expect((await streamed.toolCalls).map(({ input }) => input)).toEqual([toolCalls[0]!.input]);
    expect(await streamed.finishReason).toBe("tool-calls");
  });

  it("says what the server refuses", async () => {
    const other = createMegatron({ baseURL: `${tiny.server.url}/v1`, apiKey: "sk-1" })("other");
    const refused = await generateText({ model: other, ...options }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(APICallError);
    expect(refused).toMatchObject({ statusCode: 404, message: expect.stringContaining("other") });
    const nowhere = createMegatron({ baseURL: "http://127.0.0.1:1/v1" })("tiny");
    const unreachable = await generateText({ model: nowhere, ...options }).catch((error: unknown) => error);
    expect(unreachable).toBeInstanceOf(APICallError);
    expect(unreachable).toMatchObject({ isRetryable: true, message: expect.stringContaining("http://127.0.0.1:1/v1") });
    const aborted = new AbortController();
    aborted.abort();
    const stopped = generateText({ model, ...options, abortSignal: aborted.signal });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  });
});
