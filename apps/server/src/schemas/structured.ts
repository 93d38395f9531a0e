/** How requests ask for structured output, and the patterns that answers must then meet. */
import { z } from "@hono/zod-openapi";
import type { Pattern } from "@megatron-ts/generate";
import { ApiError } from "../errors.ts";
import { optional } from "./sampling.ts";

/** A JSON schema as it is sent; the engine checks it. */
const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

/** OpenAI's form. */
const responseFormatSchema = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: optional(z.string().max(64)),
        description: optional(z.string()),
        schema,
        strict: optional(z.boolean()),
      }),
    }),
  ])
  .openapi({ description: "text, json_object, or json_schema with the schema of the answer." });

/** vLLM's form, which has regular expressions too. */
const structuredOutputsSchema = z
  .union([
    z.strictObject({ json: schema }),
    z.strictObject({ regex: z.string().min(1).max(10_000) }),
    z.strictObject({ choice: z.array(z.string().min(1)).min(1).max(1000) }),
  ])
  .openapi({
    description: "What the whole answer must be: JSON of a schema, a match of an expression, or one of several texts.",
  });

/** The fields of a request that asks for structured output. */
export const structuredFields = {
  response_format: optional(responseFormatSchema),
  structured_outputs: optional(structuredOutputsSchema),
};

/** Parsed fields. */
export type StructuredParameters = z.infer<z.ZodObject<typeof structuredFields>>;

/** The pattern of an answer; null for any text. Throws an ApiError for two. */
export function patternOf({
  response_format: format,
  structured_outputs: structured,
}: StructuredParameters): Pattern | null {
  const byFormat = format ? patternOfFormat(format) : null;
  if (!structured) return byFormat;
  if (byFormat) {
    throw new ApiError("structured_outputs: response_format says already what the answer must be", {
      status: 400,
      param: "structured_outputs",
    });
  }
  if ("json" in structured) return { kind: "json-schema", schema: structured.json };
  if ("regex" in structured) return { kind: "regex", source: structured.regex };
  return { kind: "regex", source: structured.choice.map(escapeExpression).join("|") };
}

function patternOfFormat(format: z.infer<typeof responseFormatSchema>): Pattern | null {
  if (format.type === "text") return null;
  if (format.type === "json_object") return { kind: "json-object" };
  return { kind: "json-schema", schema: format.json_schema.schema };
}

const escapeExpression = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
