/** The OpenAPI document of the server, made of the schemas that requests are checked with, and those of answers. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { examples } from "../docs/examples.ts";
import { isPagePath } from "../page/routes.ts";
import { taskRoutes } from "../routes/tasks.ts";
import {
  chatAnswer,
  completionAnswer,
  detokenizeAnswer,
  embeddingAnswer,
  explainAnswer,
  fillMaskAnswer,
  healthAnswer,
  modelAnswer,
  modelsAnswer,
  neuronAnswer,
  passagesAnswer,
  reloadAnswer,
  responseAnswer,
  tokenizeAnswer,
  tokenizerInfoAnswer,
} from "../schemas/answers.ts";
import { chatSchema } from "../schemas/chat.ts";
import { completionSchema } from "../schemas/completion.ts";
import { embeddingSchema, fillMaskSchema } from "../schemas/embedding.ts";
import { explainSchema, neuronSchema, passagesSchema } from "../schemas/explain.ts";
import { reloadSchema } from "../schemas/reload.ts";
import { responseSchema } from "../schemas/response.ts";
import { detokenizeSchema, tokenizeSchema } from "../schemas/tokens.ts";

const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .openapi("Error");

const json = (schema: z.ZodType, example?: object) => ({ "application/json": { schema, ...(example && { example }) } });

/** A route that takes a body. */
interface PostRoute {
  summary: string;
  schema: z.ZodType;
  answer: z.ZodType;
  /** What is refused with status 400 although it fits the schema. */
  refuses?: string;
  /** Whether it also answers as a stream of events. */
  streams?: boolean;
}

const tooLong = "a prompt that is longer than the model takes, or with the tokens that are asked for";
const unmet = "a pattern or schema that no text meets, or that says what is not supported";
const refusedChats =
  `a model without a chat template, or that writes no text; messages that the template refuses; ${tooLong}; ${unmet}; ` +
  "a tool_choice that is none of the tools";
const withoutData = "a server that shows no training data";

/** Routes that take a body. */
const posts: [string, PostRoute][] = [
  [
    "/v1/completions",
    {
      summary: "Completes a text or token ids.",
      schema: completionSchema,
      refuses: `a token that is not in the vocabulary; a model that writes no text; ${tooLong}; ${unmet}; response_format together with structured_outputs; best_of other than n; a suffix; echo with logprobs for a model that does not continue its prompt`,
      answer: completionAnswer,
      streams: true,
    },
  ],
  [
    "/v1/chat/completions",
    {
      summary: "Answers a chat.",
      schema: chatSchema,
      refuses: `${refusedChats}; response_format together with structured_outputs; top_logprobs without logprobs`,
      answer: chatAnswer,
      streams: true,
    },
  ],
  [
    "/v1/responses",
    {
      summary: "Answers a message or a conversation; nothing is stored.",
      schema: responseSchema,
      refuses: refusedChats,
      answer: responseAnswer,
      streams: true,
    },
  ],
  [
    "/v1/embeddings",
    {
      summary: "Texts as vectors of length 1.",
      schema: embeddingSchema,
      refuses:
        "a token that is not in the vocabulary; a text that is empty or longer than the model takes; other dimensions than the model has; a model without embeddings",
      answer: embeddingAnswer,
    },
  ],
  [
    "/v1/fill-mask",
    {
      summary: "Fills the masks of texts.",
      schema: fillMaskSchema,
      refuses: "a model that fills no masks; a text that has no mask or is longer than the model takes",
      answer: fillMaskAnswer,
    },
  ],
  [
    "/v1/explain",
    {
      summary: "Which tokens, layers and heads a prediction comes from.",
      schema: explainSchema,
      refuses:
        "a model that cannot be explained; a target that is not one of its labels; a text without a mask for a model that fills them, or longer than the model takes",
      answer: explainAnswer,
    },
  ],
  [
    "/v1/passages",
    {
      summary: "What in the training data is nearest to a text.",
      schema: passagesSchema,
      refuses: `${withoutData}; a text that is too short or too long to search for`,
      answer: passagesAnswer,
    },
  ],
  [
    "/v1/neurons",
    {
      summary: "What in the training data makes a neuron most active.",
      schema: neuronSchema,
      refuses: `${withoutData}; a layer or neuron that the model does not have`,
      answer: neuronAnswer,
    },
  ],
  ...taskRoutes.map(({ path, ...route }): [string, PostRoute] => [
    path,
    { ...route, refuses: "a model for another task; a text that is empty or longer than the model takes" },
  ]),
  [
    "/tokenize",
    {
      summary: "The token ids of a text or a chat.",
      schema: tokenizeSchema,
      refuses: "messages for a model without a chat template, or that it refuses",
      answer: tokenizeAnswer,
    },
  ],
  [
    "/detokenize",
    {
      summary: "The text of token ids.",
      schema: detokenizeSchema,
      refuses: "a token that is not in the vocabulary",
      answer: detokenizeAnswer,
    },
  ],
];

const reloadRoute: (typeof posts)[number] = [
  "/v1/reload",
  {
    summary: "Replaces a model by its newest checkpoint, while requests end.",
    schema: reloadSchema,
    answer: reloadAnswer,
  },
];

/** Routes that take nothing, and what they answer. */
const gets: [string, { summary: string; answer: z.ZodType; parameters?: object }][] = [
  ["/v1/models", { summary: "The models.", answer: modelsAnswer }],
  [
    "/v1/models/{model}",
    { summary: "One model.", answer: modelAnswer, parameters: { params: z.object({ model: z.string() }) } },
  ],
  [
    "/tokenizer_info",
    {
      summary: "The settings of the tokenizer, as tokenizer_config.json has them.",
      answer: tokenizerInfoAnswer,
      parameters: { query: z.object({ model: z.string().optional() }) },
    },
  ],
  ["/health", { summary: "Whether the model is loaded.", answer: healthAnswer }],
];

/** The document. `secured` says whether routes need an API key, `reloads` whether models can be reloaded. */
export function createOpenApiDocument({ secured, reloads }: { secured: boolean; reloads: boolean }): object {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  const problem = (description: string) => ({ description, content: json(errorSchema) });
  const problems = {
    400: problem("What is wrong with the request."),
    404: problem("There is no such model."),
    503: problem("The model is loading, or the server is shutting down."),
  };
  const unauthorized = secured && { 401: problem("There is no such API key.") };
  const security = (path: string) => (secured && needsKey(path) ? [{ bearer: [] }] : undefined);
  if (secured) registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  for (const [path, { summary, schema, answer, refuses, streams }] of reloads ? [...posts, reloadRoute] : posts) {
    registry.registerPath({
      method: "post",
      path,
      summary,
      security: security(path),
      request: { body: { required: true, content: json(schema, examples[path]) } },
      responses: {
        200: {
          description: streams ? "The answer; with stream, server-sent events." : "The answer.",
          content: { ...json(answer), ...(streams && { "text/event-stream": { schema: z.string() } }) },
        },
        ...problems,
        400: problem(
          refuses ? `What is wrong with the request. Beyond the schema: ${refuses}.` : problems[400].description,
        ),
        ...unauthorized,
        413: problem("The body is too large."),
        429: problem("Too many requests are waiting."),
      },
    });
  }
  for (const [path, { summary, answer, parameters }] of gets) {
    const starting = { description: "Not now.", content: json(z.object({ status: z.string() })) };
    registry.registerPath({
      method: "get",
      path,
      summary,
      security: security(path),
      ...(parameters && { request: parameters }),
      responses: {
        200: { description: summary, content: json(answer) },
        ...(path === "/health" ? { 503: starting } : { ...problems, ...unauthorized }),
      },
    });
  }
  return app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "megatron-ts", version: "1" } });
}

/** Whether a path needs an API key where there are any. */
export const needsKey = (path: string): boolean =>
  !["/health", "/metrics", "/openapi.json", "/docs"].includes(path) && !isPagePath(path);
