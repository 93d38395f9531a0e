/** What the routes answer, for the OpenAPI document. A test compares real answers with it. */
import { z } from "@hono/zod-openapi";

const count = z.int().min(0);
const list = <T extends z.ZodType>(item: T) => z.object({ object: z.literal("list"), data: z.array(item) });
const described = <T extends z.ZodType>(schema: T, description: string): T => schema.openapi({ description }) as T;

const usage = z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count }).openapi("Usage");
const finishReason = z.enum(["stop", "length"]);

/** /v1/completions. */
export const completionAnswer = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: count,
        text: z.string(),
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
            text_offset: z.array(count),
          })
          .nullable(),
        finish_reason: finishReason,
      }),
    ),
    usage,
  })
  .openapi("Completion");

const scored = { token: z.string(), logprob: z.number(), bytes: z.array(z.int().min(0).max(255)) };
const toolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** /v1/chat/completions. */
export const chatAnswer = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: count,
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          refusal: z.null(),
          tool_calls: z.array(toolCall).optional(),
        }),
        logprobs: z
          .object({
            content: z.array(z.object({ ...scored, top_logprobs: z.array(z.object(scored)) })),
            refusal: z.null(),
          })
          .nullable(),
        finish_reason: z.enum(["stop", "length", "tool_calls"]),
      }),
    ),
    usage,
  })
  .openapi("ChatCompletion");

const status = z.enum(["completed", "incomplete"]);

/** /v1/responses; what the request said is repeated. */
export const responseAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal("response"),
    created_at: z.int(),
    model: z.string(),
    status,
    error: z.null(),
    incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
    output: z.array(
      z.union([
        z.object({
          type: z.literal("message"),
          id: z.string(),
          status,
          role: z.literal("assistant"),
          content: z.array(z.looseObject({ type: z.literal("output_text"), text: z.string() })),
        }),
        z.object({
          type: z.literal("function_call"),
          id: z.string(),
          status: z.literal("completed"),
          call_id: z.string(),
          name: z.string(),
          arguments: z.string(),
        }),
      ]),
    ),
    usage: z.looseObject({ input_tokens: count, output_tokens: count, total_tokens: count }),
  })
  .openapi("Response");

/** /v1/embeddings. */
export const embeddingAnswer = list(
  z.object({
    object: z.literal("embedding"),
    index: count,
    embedding: described(
      z.union([z.array(z.number()), z.string()]),
      "Numbers, or their f32 bytes as base64 where encoding_format asks for it.",
    ),
  }),
)
  .extend({ model: z.string(), usage: z.object({ prompt_tokens: count, total_tokens: count }) })
  .openapi("Embeddings");

const filled = z.object({
  index: count,
  text: z.string(),
  masks: z.array(z.array(z.looseObject({ token: z.string(), probability: z.number() }))),
});

/** /v1/fill-mask. */
export const fillMaskAnswer = list(filled).extend({ model: z.string() }).openapi("FilledMasks");

const output = z.object({ index: z.int(), text: z.string(), probability: z.number() });
const layerHeads = z.object({ layer: z.string(), heads: z.array(z.number()) });
const activeNeuron = z.object({ layer: count, neuron: count, activation: z.number() });

/** /v1/explain. */
export const explainAnswer = z
  .object({
    object: z.literal("explanation"),
    model: z.string(),
    text: z.string(),
    tokens: z.array(z.object({ id: count, text: z.string() })),
    kind: z.enum(["next-token", "mask", "label"]),
    position: count.nullable(),
    target: output,
    outputs: z.array(output),
    attribution: z.object({
      integratedGradients: z.object({
        attributions: z.array(z.number()),
        score: z.number(),
        baselineScore: z.number(),
        steps: count,
        completenessError: z.number(),
      }),
      gradientTimesInput: z.array(z.number()),
      leaveOneOut: z.array(z.number()),
    }),
    heads: z.array(layerHeads).nullable(),
    neurons: described(z.array(activeNeuron), "Layers and numbers from 0, as /v1/neurons takes them."),
    lens: z.array(z.object({ layer: z.string(), likeliest: z.array(output), target: z.array(z.number()) })).nullable(),
    attention: z
      .array(
        z.object({
          layer: z.string(),
          layout: z.string().nullable(),
          heads: z.array(z.array(z.array(z.number()))),
        }),
      )
      .nullable(),
  })
  .openapi("Explanation");

const place = { data: z.string(), document: count, offset: count, text: z.string() };

/** /v1/passages. */
export const passagesAnswer = z
  .object({
    object: z.literal("passages"),
    model: z.string(),
    text: z.string(),
    tokens: count,
    complete: described(count, "Every run of as many tokens that the text and the data share is found."),
    spans: z.array(z.object({ ...place, start: count, length: count, before: z.string(), after: z.string() })),
    passages: z.array(z.object({ ...place, similarity: z.number() })),
  })
  .openapi("Passages");

/** /v1/neurons. */
export const neuronAnswer = z
  .object({
    object: z.literal("neuron_passages"),
    model: z.string(),
    layer: count,
    neuron: count,
    passages: z.array(
      z.object({
        ...place,
        tokens: z.array(z.object({ id: count, text: z.string(), activation: z.number() })),
        peak: described(count, "The token with the highest activation."),
      }),
    ),
  })
  .openapi("NeuronPassages");

const taskAnswer = <T extends z.ZodType>(prediction: T) =>
  list(prediction).extend({ task: z.string(), model: z.string() });

/** /v1/classify. */
export const classifyAnswer = taskAnswer(
  z.union([
    z.object({ index: count, label: z.string(), probability: z.number() }),
    z.object({ index: count, labels: z.array(z.string()), probabilities: z.record(z.string(), z.number()) }),
  ]),
).openapi("Labels");

/** /v1/answer. */
export const answerAnswer = taskAnswer(
  z.object({
    index: count,
    answer: described(z.string(), "Empty where the text has no answer."),
    noAnswerProbability: z.number(),
  }),
).openapi("Answers");

/** /v1/translate and /v1/summarize. */
export const writeAnswer = taskAnswer(
  z.object({
    index: count,
    text: z.string(),
    score: described(z.number(), "The log-probability of the text by which beams are ranked."),
  }),
).openapi("WrittenTexts");

/** /tokenize. */
export const tokenizeAnswer = z
  .object({
    tokens: z.array(count),
    count,
    max_model_len: count.nullable(),
    token_strs: z.array(z.string()).optional(),
  })
  .openapi("TokenizedText");

/** /detokenize. */
export const detokenizeAnswer = z.object({ prompt: z.string() }).openapi("DetokenizedText");

const model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  parent: described(z.string().optional(), "The base of an adapter."),
  max_model_len: described(count.nullable(), "Null without a limit, and until the model has been loaded once."),
});

/** /v1/models/{model} and /v1/models. */
export const modelAnswer = model.openapi("Model");
export const modelsAnswer = list(model).openapi("Models");

/** /v1/reload. */
export const reloadAnswer = z.object({ object: z.literal("model"), id: z.string() }).openapi("ReloadedModel");

/** /tokenizer_info. */
export const tokenizerInfoAnswer = z
  .looseObject({
    tokenizer_class: z.string(),
    eos_token: z.string().nullable(),
    chat_template: z.string().nullable(),
  })
  .openapi("TokenizerInfo");

/** /health. */
export const healthAnswer = z.object({ status: z.literal("ok") }).openapi("Health");
