/** The OpenAPI document of the server, made of the schemas that requests are checked with. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { examples } from "../docs/examples.ts";
import { isPagePath } from "../page/routes.ts";
import { taskRoutes } from "../routes/tasks.ts";
import { chatSchema } from "../schemas/chat.ts";
import { completionSchema } from "../schemas/completion.ts";
import { embeddingSchema, fillMaskSchema } from "../schemas/embedding.ts";
import { explainSchema, passagesSchema } from "../schemas/explain.ts";
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
const anyObject = z.looseObject({});

/** Routes that take a body. */
const posts: [string, { summary: string; schema: z.ZodType }][] = [
  ["/v1/completions", { summary: "Completes a text or token ids.", schema: completionSchema }],
  ["/v1/chat/completions", { summary: "Answers a chat.", schema: chatSchema }],
  ["/v1/responses", { summary: "Answers a message or a conversation; nothing is stored.", schema: responseSchema }],
  ["/v1/embeddings", { summary: "Texts as vectors of length 1.", schema: embeddingSchema }],
  ["/v1/fill-mask", { summary: "Fills the masks of texts.", schema: fillMaskSchema }],
  ["/v1/explain", { summary: "Which tokens, layers and heads a prediction comes from.", schema: explainSchema }],
  ["/v1/passages", { summary: "What in the training data is nearest to a text.", schema: passagesSchema }],
  ...taskRoutes.map(({ path, ...route }): [string, typeof route] => [path, route]),
  ["/tokenize", { summary: "The token ids of a text or a chat.", schema: tokenizeSchema }],
  ["/detokenize", { summary: "The text of token ids.", schema: detokenizeSchema }],
];

const reloadRoute: (typeof posts)[number] = [
  "/v1/reload",
  { summary: "Replaces a model by its newest checkpoint, while requests end.", schema: reloadSchema },
];

/** Routes that take nothing, and what they answer. */
const gets: [string, string][] = [
  ["/v1/models", "The models."],
  ["/v1/models/{model}", "One model."],
  ["/tokenizer_info", "The settings of the tokenizer, as tokenizer_config.json has them."],
  ["/health", "Whether the model is loaded."],
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
  const security = (path: string) => (secured && needsKey(path) ? [{ bearer: [] }] : undefined);
  if (secured) registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  for (const [path, { summary, schema }] of reloads ? [...posts, reloadRoute] : posts) {
    registry.registerPath({
      method: "post",
      path,
      summary,
      security: security(path),
      request: { body: { required: true, content: json(schema, examples[path]) } },
      responses: {
        200: { description: "The answer.", content: json(anyObject) },
        ...problems,
        413: problem("The body is too large."),
        429: problem("Too many requests are waiting."),
      },
    });
  }
  for (const [path, summary] of gets) {
    const parameters = path.includes("{model}") ? { request: { params: z.object({ model: z.string() }) } } : {};
    registry.registerPath({
      method: "get",
      path,
      summary,
      security: security(path),
      ...parameters,
      responses: { 200: { description: summary, content: json(anyObject) }, ...problems },
    });
  }
  return app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "megatron-ts", version: "1" } });
}

/** Whether a path needs an API key where there are any. */
export const needsKey = (path: string): boolean =>
  !["/health", "/metrics", "/openapi.json", "/docs"].includes(path) && !isPagePath(path);
