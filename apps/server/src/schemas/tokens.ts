/** The requests of /tokenize and /detokenize, by vLLM's names. */
import { z } from "@hono/zod-openapi";
import { chatSchema } from "./chat.ts";
import { optional, tokenId } from "./sampling.ts";

const model = optional(z.string());
const returns = { return_token_strs: optional(z.boolean()) };

/** A text or a chat to tokenize. */
export const tokenizeSchema = z
  .union([
    z.strictObject({ model, ...returns, prompt: z.string(), add_special_tokens: optional(z.boolean()) }),
    z.strictObject({
      model,
      ...returns,
      messages: chatSchema.shape.messages,
      chat_template_kwargs: chatSchema.shape.chat_template_kwargs,
    }),
  ])
  .openapi("TokenizeRequest");

/** Token ids to turn into text. */
export const detokenizeSchema = z.strictObject({ model, tokens: z.array(tokenId) }).openapi("DetokenizeRequest");
