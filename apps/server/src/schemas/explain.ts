/** The requests of /v1/explain, /v1/passages and /v1/neurons. */
import { z } from "@hono/zod-openapi";
import { optional } from "./sampling.ts";

/** A text whose next token, mask or label is explained. */
export const explainSchema = z
  .strictObject({
    model: optional(z.string()),
    input: z.string().min(1).openapi({ description: "A text to continue, with a mask to fill, or to classify." }),
    target: optional(z.string().min(1)).openapi({
      description: "The label, or a text whose first token is explained. Default: the likeliest.",
    }),
    top_k: optional(z.int().min(1).max(100)).openapi({ description: "Likeliest outputs to list. Default: 5." }),
    attention: optional(z.boolean()).openapi({ description: "Whether attention maps are included. Default: true." }),
  })
  .openapi("ExplainRequest");

/** A text that is searched for in the training data. */
export const passagesSchema = z
  .strictObject({
    model: optional(z.string()),
    input: z.string().min(1).openapi({ description: "A text, such as one that the model wrote." }),
    top_k: optional(z.int().min(1).max(100)).openapi({ description: "Spans and passages to list. Default: 5." }),
  })
  .openapi("PassagesRequest");

/** A neuron whose passages are looked for in the training data. */
export const neuronSchema = z
  .strictObject({
    model: optional(z.string()),
    layer: z.int().min(0).openapi({ description: "The neuron's layer, from 0, as explanations name it." }),
    neuron: z.int().min(0).openapi({ description: "Its number in the layer, from 0." }),
    top_k: optional(z.int().min(1).max(100)).openapi({ description: "Passages to list. Default: 5." }),
  })
  .openapi("NeuronRequest");
