/** The request of /v1/completions. */
import { z } from "@hono/zod-openapi";
import { optional, samplingFields, tokensSchema } from "./sampling.ts";
import { structuredFields } from "./structured.ts";

/** The most alternatives of a token. */
const MOST_ALTERNATIVES = 100;

/** Where generation starts, or what is embedded. */
export const promptSchema = z
  .union([z.string(), tokensSchema, z.array(z.string()).min(1).max(256), z.array(tokensSchema).min(1).max(256)])
  .openapi({ description: "A text, token ids, or a list of either." });

/** A legacy completion, as OpenAI documents it. */
export const completionSchema = z
  .strictObject({
    ...samplingFields,
    ...structuredFields,
    prompt: promptSchema,
    max_tokens: optional(z.int().min(0)).openapi({ description: "Default: 16." }),
    logprobs: optional(z.union([z.int().min(0).max(MOST_ALTERNATIVES), z.boolean()])).openapi({
      description: "How many alternatives of each token are scored; true is 0: the tokens themselves.",
    }),
    echo: optional(z.boolean()),
    best_of: optional(z.int().min(1)),
    suffix: optional(z.string()),
  })
  .openapi("CompletionRequest");

/** A parsed request of /v1/completions. */
export type CompletionParameters = z.infer<typeof completionSchema>;
