/** /v1/responses: the openai package understands it, and it says what the chat says. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

let tiny: TinyServer;
let client: OpenAI;
beforeAll(async () => {
  tiny = await startTiny();
  client = new OpenAI({ apiKey: "none", baseURL: `${tiny.server.url}/v1`, maxRetries: 0 });
});
afterAll(() => tiny.stop());

const base = { model: "tiny", temperature: 0, max_output_tokens: 8 } as const;
const schema = {
  ...{ type: "object", properties: { n: { type: "integer", minimum: 1, maximum: 9 } } },
  ...{ required: ["n"], additionalProperties: false },
};

describe("/v1/responses", () => {
  it("answers as the chat does, with instructions, developers and earlier turns", async () => {
    const chat = await client.chat.completions.create({
      ...{ model: "tiny", temperature: 0, max_completion_tokens: 8 },
      messages: [
        { role: "system", content: "be brief" },
        { role: "system", content: "in English" },
        { role: "user", content: "who?" },
        { role: "assistant", content: "me" },
        { role: "user", content: "why?" },
      ],
    });
    const response = await client.responses.create({
      ...base,
      instructions: "be brief",
      input: [
        { role: "developer", content: "in English" },
        { role: "user", content: [{ type: "input_text", text: "who?" }] },
        { role: "assistant", content: "me" },
        { role: "user", content: "why?" },
      ],
    });
    expect(response.output_text).toBe(chat.choices[0]!.message.content);
    expect(response).toMatchObject({
      ...{ object: "response", store: false, error: null },
      usage: { input_tokens: chat.usage!.prompt_tokens, output_tokens: chat.usage!.completion_tokens },
    });
    const isCut = chat.choices[0]!.finish_reason === "length";
    expect(response.status).toBe(isCut ? "incomplete" : "completed");
  });

  it("streams the events of the openai package, which puts them together", async () => {
    const whole = await client.responses.create({ ...base, input: "who?" });
    const types: string[] = [];
    const numbers: number[] = [];
    let text = "";
    for await (const event of await client.responses.create({ ...base, input: "who?", stream: true })) {
      types.push(event.type);
      numbers.push(event.sequence_number);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe(whole.output_text);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(types.slice(0, 4)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
    ]);
    expect(types.slice(-4)).toEqual([
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      whole.status === "completed" ? "response.completed" : "response.incomplete",
    ]);
    const stream = client.responses.stream({ ...base, input: "who?" });
    expect((await stream.finalResponse()).output_text).toBe(text);
  });

  it("answers with JSON of a schema, and calls functions", async () => {
    const wide = { ...base, max_output_tokens: 120, seed: 1 };
    const json = await client.responses.create({
      ...wide,
      input: "a number?",
      text: { format: { type: "json_schema", name: "n", schema } },
    });
    expect(JSON.parse(json.output_text)).toEqual({ n: expect.any(Number) });
    const tools = [{ type: "function" as const, name: "pick", parameters: schema, strict: true }];
    const called = await client.responses.create({ ...wide, input: "pick", tools, tool_choice: "required" });
    const [call] = called.output;
    expect(call).toMatchObject({ type: "function_call", name: "pick", call_id: expect.stringMatching(/^call_/) });
    const types: string[] = [];
    const streamed = await client.responses.create({
      ...wide,
      input: "pick",
      tools,
      tool_choice: "required",
      stream: true,
    });
    for await (const { type } of streamed) types.push(type);
    expect(types).toContain("response.function_call_arguments.done");
    const after = await client.responses.create({
      ...base,
      input: [
        { role: "user", content: "pick" },
        ...(call?.type === "function_call"
          ? [call, { type: "function_call_output" as const, call_id: call.call_id, output: "7" }]
          : []),
      ],
    });
    expect(after.output[0]!.type).toBe("message");
  });

  it.each([
    [{ input: "a", previous_response_id: "resp_1" }, /previous_response_id/],
    [{ input: [] }, /input/],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "data:," }] }] },
      /input\.0\.content: .*input_text/,
    ],
    [{ input: "a ".repeat(400) }, /at most 192/],
    [{ input: "a", max_output_tokens: 400 }, /at most 192.*"param":"max_output_tokens"/],
    [{ input: "a", truncation: "auto" }, /truncation/],
    [{ input: "a", text: { format: { type: "json_schema", schema: { type: "x" } } } }, /no type/],
    [{ input: "a", unknown: 1 }, /unknown/],
  ])("answers case %# with status 400 and what is wrong", async (body, message) => {
    const answer = await tiny.post("/v1/responses", body);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(message)]);
  });
});
