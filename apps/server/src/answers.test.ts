/** Real answers of models with and without heads, compared with what the OpenAPI document says of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelConfigInput } from "@megatron-ts/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import * as answers from "./schemas/answers.ts";
import { saveTiny, startTiny, type TinyServer } from "./testing/tiny-server.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-answers-"));
let tiny: TinyServer;
beforeAll(async () => {
  const encoder = { family: "bert" } as const;
  const labels = ["a", "b"];
  const others = Object.entries<Partial<ModelConfigInput>>({
    classifier: { ...encoder, task: { kind: "sequence-classification", labels } },
    tagger: { ...encoder, task: { kind: "sequence-classification", labels, multiLabel: true } },
    reader: { ...encoder, task: { kind: "question-answering" } },
    writer: { family: "encoder-decoder" },
    masks: encoder,
  });
  for (const [name, config] of others) (await saveTiny(join(directory, name), config)).model.dispose();
  tiny = await startTiny({ data: true, others: others.map(([name]) => ({ checkpoint: join(directory, name) })) });
});
afterAll(async () => {
  await tiny.stop();
  rmSync(directory, { recursive: true, force: true });
});

const chat = { messages: [{ role: "user", content: "who?" }], max_tokens: 3 };
const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const span = { question: "who?", context: "call me Ishmael" };
const cases: [string, z.ZodType, object][] = [
  ["/v1/completions", answers.completionAnswer, { prompt: "the", max_tokens: 3, n: 2, logprobs: 2, echo: true }],
  ["/v1/completions", answers.completionAnswer, { prompt: [1, 2], max_tokens: 3 }],
  ["/v1/chat/completions", answers.chatAnswer, { ...chat, logprobs: true, top_logprobs: 2 }],
  ["/v1/chat/completions", answers.chatAnswer, { ...chat, max_tokens: 60, tools: [tool], tool_choice: "required" }],
  ["/v1/responses", answers.responseAnswer, { input: "who?", max_output_tokens: 3 }],
  ["/v1/embeddings", answers.embeddingAnswer, { input: ["the", "whale"] }],
  ["/v1/embeddings", answers.embeddingAnswer, { input: "the", encoding_format: "base64" }],
  ["/v1/fill-mask", answers.fillMaskAnswer, { model: "masks", input: "the [MASK]" }],
  ["/v1/explain", answers.explainAnswer, { input: "the whale" }],
  ["/v1/explain", answers.explainAnswer, { model: "classifier", input: "the whale", attention: false }],
  ["/v1/passages", answers.passagesAnswer, { input: "the white whale in the old sea" }],
  ["/v1/neurons", answers.neuronAnswer, { layer: 1, neuron: 3 }],
  ["/v1/classify", answers.classifyAnswer, { model: "classifier", input: "the" }],
  ["/v1/classify", answers.classifyAnswer, { model: "tagger", input: "the" }],
  ["/v1/answer", answers.answerAnswer, { model: "reader", input: span }],
  ["/v1/translate", answers.writeAnswer, { model: "writer", input: "the" }],
  ["/v1/summarize", answers.writeAnswer, { model: "writer", input: ["the", "sea"] }],
  ["/tokenize", answers.tokenizeAnswer, { prompt: "the", return_token_strs: true }],
  ["/detokenize", answers.detokenizeAnswer, { tokens: [1] }],
];

describe("answers", () => {
  it.each(cases)("%s has the fields that the document says, and no others", async (path, schema, body) => {
    const answer = await tiny.post(path, body);
    const value = await answer.json();
    expect([answer.status, schema.parse(value)]).toEqual([200, value]);
  });

  it("to requests without a body have them too", async () => {
    const get = async (path: string) => (await fetch(tiny.server.url + path)).json();
    for (const [path, schema] of [
      ["/v1/models", answers.modelsAnswer],
      ["/v1/models/reader", answers.modelAnswer],
      ["/tokenizer_info", answers.tokenizerInfoAnswer],
      ["/health", answers.healthAnswer],
    ] as const) {
      const value = await get(path);
      expect(schema.parse(value)).toEqual(value);
    }
  });
});
