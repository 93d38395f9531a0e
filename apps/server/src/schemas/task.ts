/** The requests of the routes for tasks. */
import { z } from "@hono/zod-openapi";
import { optional } from "./sampling.ts";

const model = optional(z.string());
/** The most inputs of a request. */
const MOST_INPUTS = 256;

const oneOrMore = <Schema extends z.ZodType>(schema: Schema) =>
  z.union([schema, z.array(schema).min(1).max(MOST_INPUTS)]);

/** Texts, or pairs of them, to classify. */
export const classifySchema = z
  .strictObject({
    model,
    input: oneOrMore(z.union([z.string(), z.strictObject({ text: z.string(), pair: z.string() })])).openapi({
      description: "A text, a pair of texts for models that compare two, or a list of either.",
    }),
  })
  .openapi("ClassifyRequest");

/** Questions about texts. */
export const answerSchema = z
  .strictObject({
    model,
    input: oneOrMore(z.strictObject({ question: z.string(), context: z.string() })).openapi({
      description: "A question and the text that has its answer, or a list of them.",
    }),
  })
  .openapi("AnswerRequest");

/** Texts to translate or to summarize. */
export const writeSchema = z
  .strictObject({ model, input: oneOrMore(z.string()).openapi({ description: "A text, or a list of texts." }) })
  .openapi("WriteRequest");
