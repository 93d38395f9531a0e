/** The request of /v1/chat/completions. */
import { z } from "@hono/zod-openapi";
import { optional, samplingFields } from "./sampling.ts";
import { structuredFields } from "./structured.ts";

/** Content in parts, of which only text is supported. */
const partsSchema = z.array(z.strictObject({ type: z.literal("text"), text: z.string() })).min(1);

/** A call of a function, as the model made it. */
const toolCallSchema = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
});

/** A function that the model may call. */
const toolSchema = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().regex(/^[\w-]{1,64}$/),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.unknown())).openapi({ description: "A JSON schema of its arguments." }),
    strict: optional(z.boolean()),
  }),
});

const messageSchema = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: optional(
    z.union([z.string(), partsSchema], { error: "expected a text, or parts of type text: models read nothing else" }),
  ).openapi({
    description: "A text, or parts of type text; nothing where an assistant called functions.",
  }),
  tool_calls: optional(z.array(toolCallSchema).min(1)),
  name: optional(z.string()),
  tool_call_id: optional(z.string()),
  refusal: optional(z.string()),
});

/** A chat, as OpenAI documents it. */
export const chatSchema = z
  .strictObject({
    ...samplingFields,
    messages: z.array(messageSchema).min(1).max(2048),
    max_tokens: optional(z.int().min(1)).openapi({ description: "Older name of max_completion_tokens." }),
    max_completion_tokens: optional(z.int().min(1)).openapi({
      description: "Default: up to the model's last position.",
    }),
    logprobs: optional(z.boolean()),
    top_logprobs: optional(z.int().min(0).max(100)),
    ...structuredFields,
    tools: optional(z.array(toolSchema).max(128)),
    tool_choice: optional(
      z.union([
        z.enum(["none", "auto", "required"]),
        z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
      ]),
    ),
    parallel_tool_calls: optional(z.boolean()),
    chat_template_kwargs: optional(z.record(z.string(), z.unknown())).openapi({
      description: "Variables for the chat template.",
    }),
    // What clients send that makes no difference here.
    metadata: optional(z.record(z.string(), z.string())),
    store: optional(z.boolean()),
    modalities: optional(z.array(z.literal("text")).min(1)),
    service_tier: optional(z.string()),
    prompt_cache_key: optional(z.string()),
    safety_identifier: optional(z.string()),
  })
  .openapi("ChatCompletionRequest");

/** A parsed request of /v1/chat/completions. */
export type ChatParameters = z.infer<typeof chatSchema>;
