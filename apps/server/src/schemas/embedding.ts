/** The requests of /v1/embeddings and /v1/fill-mask. */
import { z } from "@hono/zod-openapi";
import { promptSchema } from "./completion.ts";
import { optional } from "./sampling.ts";

/** Texts or token ids to embed, as OpenAI documents it. */
export const embeddingSchema = z
  .strictObject({
    model: optional(z.string()),
    input: promptSchema,
    encoding_format: optional(z.enum(["float", "base64"])),
    dimensions: optional(z.int().min(1)),
    user: optional(z.string()),
  })
  .openapi("EmbeddingRequest");

/** Texts with masks to fill. */
export const fillMaskSchema = z
  .strictObject({
    model: optional(z.string()),
    input: z.union([z.string(), z.array(z.string()).min(1).max(64)]).openapi({
      description: "A text with the tokenizer's mask token, such as [MASK] or <mask>, or a list of them.",
    }),
    top_k: optional(z.int().min(1).max(100)).openapi({ description: "Predictions for each mask. Default: 5." }),
  })
  .openapi("FillMaskRequest");
