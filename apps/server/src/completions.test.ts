/** /v1/completions equals the library, and has the shapes of OpenAI's legacy API. */
import { generate } from "@megatron-ts/generate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvents } from "./testing/events.ts";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

interface Logprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}
interface Completion {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: { index: number; text: string; finish_reason: string | null; logprobs: Logprobs | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
}

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await startTiny();
});
afterAll(() => tiny.stop());

const complete = async (body: object): Promise<Completion> => {
  const response = await tiny.post("/v1/completions", body);
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer as Completion;
};
const stream = async (body: object) =>
  readEvents<Completion>(await tiny.post("/v1/completions", { ...body, stream: true }));

const prompt = "the whale";

describe("/v1/completions", () => {
  it("gives the text that the library gives", async () => {
    for (const options of [{ temperature: 0 }, { temperature: 0.9, top_p: 0.9, seed: 7 }, { seed: 3, min_p: 0.1 }]) {
      const { temperature = 1, top_p: topP = 1, min_p: minP = 0, seed } = options as Record<string, number | undefined>;
      const [expected] = generate(tiny, [prompt], { maxTokens: 20, temperature, topP, minP, seed });
      const { choices, usage, ...head } = await complete({ prompt, max_tokens: 20, ...options });
      expect(choices).toEqual([
        { index: 0, text: expected!.text, finish_reason: expected!.finishReason, logprobs: null },
      ]);
      expect(usage).toEqual({
        prompt_tokens: expected!.promptTokens,
        completion_tokens: expected!.generatedTokens,
        total_tokens: expected!.promptTokens + expected!.generatedTokens,
      });
      expect(head).toEqual({
        id: expect.stringMatching(/^cmpl-/),
        object: "text_completion",
        model: "tiny",
        created: expect.any(Number),
      });
    }
  });

  it("streams the same text, with one finish reason for each choice, and usage only if asked", async () => {
    const body = { prompt: [prompt, "call me"], n: 2, max_tokens: 24, seed: 5 };
    const whole = await complete(body);
    const events = await stream(body);
    const texts = ["", "", "", ""];
    const reasons: (string | null)[][] = [[], [], [], []];
    for (const { choices, ...rest } of events) {
      expect(rest).not.toHaveProperty("usage");
      const [{ index, text, finish_reason }] = choices as [Completion["choices"][0]];
      texts[index] += text;
      if (finish_reason) reasons[index]!.push(finish_reason);
      else expect(text).not.toBe("");
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => [finish_reason]));
    expect(new Set(texts).size).toBe(4);
    const withUsage = await stream({ ...body, stream_options: { include_usage: true } });
    const last = withUsage.pop()!;
    expect([last.choices, last.usage]).toEqual([[], whole.usage]);
    for (const { usage } of withUsage) expect(usage).toBeNull();
  });

  it("takes prompts as token ids, alone and as a list", async () => {
    const ids = [...tiny.tokenizer.encode(prompt, { addSpecialTokens: false })];
    const expected = (await complete({ prompt, temperature: 0 })).choices[0]!.text;
    for (const given of [ids, [ids]]) {
      const { choices } = await complete({ prompt: given, temperature: 0 });
      expect(choices.map(({ text }) => text)).toEqual([expected]);
    }
    const { choices } = await complete({ prompt: [ids, [5]], temperature: 0 });
    expect([choices.length, choices[0]!.text]).toEqual([2, expected]);
  });

  it("echoes the prompt with its log-probabilities, the first null, as lm-evaluation-harness asks", async () => {
    const ids = [...tiny.tokenizer.encode(`${prompt} in the sea`, { addSpecialTokens: false })];
    const body = { prompt: ids, max_tokens: 1, temperature: 0, logprobs: 1, echo: true, seed: 1234 };
    const [choice] = (await complete(body)).choices;
    const { tokens, token_logprobs, top_logprobs, text_offset } = choice!.logprobs!;
    expect(tokens).toHaveLength(ids.length + 1);
    expect(tokens.slice(0, -1).join("")).toBe(`${prompt} in the sea`);
    expect([token_logprobs[0], top_logprobs[0]]).toEqual([null, null]);
    for (const [i, token] of tokens.entries()) {
      if (i === 0) continue;
      expect(token_logprobs[i]).toBeLessThanOrEqual(0);
      expect(top_logprobs[i]![token]).toBe(token_logprobs[i]);
      expect(Math.max(...Object.values(top_logprobs[i]!))).toBeGreaterThanOrEqual(token_logprobs[i]!);
    }
    expect(text_offset.slice(0, 4)).toEqual([0, 1, 2, 3].map((i) => tokens.slice(0, i).join("").length));
    const without = await complete({ ...body, max_tokens: 0 });
    expect(without.choices[0]!.logprobs!.token_logprobs).toEqual(token_logprobs.slice(0, -1));
    expect(without.usage).toMatchObject({ completion_tokens: 0 });
    expect((await complete({ ...body, logprobs: null, max_tokens: 0 })).choices[0]!.text).toBe(`${prompt} in the sea`);
  });

  it("places tokens by the characters before them, also behind those of several tokens", async () => {
    const text = "xü𝔸zz";
    const [choice] = (await complete({ prompt: text, max_tokens: 0, logprobs: 0, echo: true })).choices;
    const { tokens, text_offset } = choice!.logprobs!;
    expect([choice!.text, tokens.length]).toEqual([text, 9]);
    expect(text_offset).toEqual([0, 1, 1, 2, 2, 2, 2, 4, 5]);
  });

  it.each([
    [0, 1],
    [7, 8],
    [true, 1],
  ])("scores tokens with logprobs %j", async (logprobs, most) => {
    const [choice] = (await complete({ prompt, max_tokens: 12, seed: 9, logprobs })).choices;
    const { tokens, top_logprobs } = choice!.logprobs!;
    for (const [i, token] of tokens.entries()) {
      const found = Object.keys(top_logprobs[i]!);
      expect(found).toContain(token);
      expect(found.length).toBeLessThanOrEqual(most);
      expect(found.length).toBeGreaterThanOrEqual(most - 1);
    }
    const streamed = (await stream({ prompt, max_tokens: 12, seed: 9, logprobs })).map(({ choices }) => choices[0]!);
    expect(streamed.flatMap((piece) => piece.logprobs!.tokens)).toEqual(tokens);
    expect(streamed.flatMap((piece) => piece.logprobs!.text_offset)).toEqual(choice!.logprobs!.text_offset);
  });

  it("stops before a stop string that spans tokens, holds back no text that is not one, and loses none", async () => {
    const body = { prompt, max_tokens: 40, seed: 5 };
    const full = (await complete(body)).choices[0]!.text;
    const stop = full.slice(9, 14);
    const end = full.indexOf(stop);
    const [choice] = (await complete({ ...body, stop: ["never there", stop], logprobs: 0 })).choices;
    expect([choice!.text, choice!.finish_reason]).toEqual([full.slice(0, end), "stop"]);
    const pieces = await stream({ ...body, stop });
    expect(pieces.map(({ choices }) => choices[0]!.text).join("")).toBe(full.slice(0, end));
    // A string that begins like the end of the text, but is never complete.
    const almost = `${full.slice(-3)}never`;
    expect((await complete({ ...body, stop: almost })).choices[0]!.text).toBe(full);
    expect((await stream({ ...body, stop: almost })).map(({ choices }) => choices[0]!.text).join("")).toBe(full);
  });

  it("gives a request the same tokens alone and among others", async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => ({
      prompt: `${prompt} ${"and the sea ".repeat(i % 5)}`,
      max_tokens: 4 + (i % 7),
      seed: i,
      logprobs: 0,
    }));
    const together = await Promise.all(bodies.map(complete));
    for (const i of [0, 7, 23]) {
      const { choices, usage } = await complete(bodies[i]!);
      expect([choices[0]!.text, usage]).toEqual([together[i]!.choices[0]!.text, together[i]!.usage]);
    }
  });

  it("draws at random without a seed", async () => {
    const texts = await Promise.all([1, 2, 3].map(() => complete({ prompt, max_tokens: 20 })));
    expect(new Set(texts.map(({ choices }) => choices[0]!.text)).size).toBeGreaterThan(1);
  });
});
