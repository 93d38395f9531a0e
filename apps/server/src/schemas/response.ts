/** The request of /v1/responses: its stateless core. */
import { z } from "@hono/zod-openapi";
import { optional } from "./sampling.ts";

const partSchema = z.looseObject({ type: z.enum(["input_text", "output_text", "text"]), text: z.string() });

const itemSchema = z.union([
  z.looseObject({
    type: optional(z.literal("message")),
    role: z.enum(["user", "assistant", "system", "developer"]),
    content: z.union([z.string(), z.array(partSchema)], {
      error: "expected a text, or parts of type input_text: models read nothing else",
    }),
  }),
  z.looseObject({
    type: z.literal("function_call"),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.looseObject({
    type: z.literal("function_call_output"),
    call_id: z.string(),
    output: z.union([z.string(), z.array(partSchema)]),
  }),
]);

const formatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    name: optional(z.string()),
    description: optional(z.string()),
    schema: z.record(z.string(), z.unknown()),
    strict: optional(z.boolean()),
  }),
]);

const toolSchema = z.strictObject({
  type: z.literal("function"),
  name: z.string().regex(/^[\w-]{1,64}$/),
  description: optional(z.string()),
  parameters: optional(z.record(z.string(), z.unknown())),
  strict: optional(z.boolean()),
});

/** A response, as OpenAI documents it, without what needs a memory. */
export const responseSchema = z
  .strictObject({
    model: optional(z.string()),
    input: z.union([z.string(), z.array(itemSchema).min(1).max(2048)]).openapi({
      description: "A message, or the items of a conversation: messages, calls of functions and their outputs.",
    }),
    instructions: optional(z.string()).openapi({ description: "System message at the start of the context." }),
    max_output_tokens: optional(z.int().min(1)),
    temperature: optional(z.number().min(0).max(2)),
    top_p: optional(z.number().min(0).max(1)),
    seed: optional(z.int()),
    stream: optional(z.boolean()),
    text: optional(z.strictObject({ format: optional(formatSchema), verbosity: optional(z.string()) })),
    tools: optional(z.array(toolSchema).max(128)),
    tool_choice: optional(
      z.union([
        z.enum(["none", "auto", "required"]),
        z.strictObject({ type: z.literal("function"), name: z.string() }),
      ]),
    ),
    previous_response_id: optional(z.string().max(0, "responses are not stored: send the conversation as input")),
    truncation: optional(z.enum(["disabled"], "a prompt is never cut")),
    // What clients send that makes no difference here: nothing is stored, and models do not reason.
    store: optional(z.boolean()),
    background: optional(z.literal(false)),
    top_logprobs: optional(z.literal(0)),
    include: optional(z.array(z.string())),
    reasoning: optional(z.unknown()),
    parallel_tool_calls: optional(z.boolean()),
    stream_options: optional(z.strictObject({ include_obfuscation: optional(z.boolean()) })),
    metadata: optional(z.record(z.string(), z.string())),
    user: optional(z.string()),
    service_tier: optional(z.string()),
    prompt_cache_key: optional(z.string()),
    safety_identifier: optional(z.string()),
  })
  .openapi("ResponseRequest");

/** A parsed request of /v1/responses. */
export type ResponseParameters = z.infer<typeof responseSchema>;
