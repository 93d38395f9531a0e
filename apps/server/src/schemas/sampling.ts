/** The parameters of requests that choose tokens, by OpenAI's names; those that only we have are named as in vLLM. */
import { z } from "@hono/zod-openapi";
import type { SamplingOptions } from "@megatron-ts/generate";

/** An optional parameter, which clients also send as null. */
export const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();

/** A token id. */
export const tokenId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/** Stop strings: one or several, none of them empty. */
const stopSchema = z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]);

/** What completions and chats have in common. */
export const samplingFields = {
  model: optional(z.string()).openapi({ description: "The model's name, as /v1/models lists it." }),
  temperature: optional(z.number().min(0).max(2)).openapi({ description: "0 is greedy. Default: 1." }),
  top_p: optional(z.number().min(0).max(1)).openapi({
    description: "Draws from the likeliest tokens that together have this probability. Default: 1.",
  }),
  top_k: optional(z.int().min(-1)).openapi({ description: "0 or -1 for all tokens." }),
  min_p: optional(z.number().min(0).max(1)).openapi({
    description: "Leaves out tokens whose probability is below this share of the likeliest one's.",
  }),
  typical_p: optional(z.number().min(0).max(1)).openapi({
    description: "Draws from the tokens whose information is nearest to the expected one, up to this probability.",
  }),
  repetition_penalty: optional(z.number().positive().max(100)).openapi({
    description: "Divides the scores of tokens that have occurred, prompt included. Default: 1.",
  }),
  presence_penalty: optional(z.number().min(-2).max(2)).openapi({
    description: "Taken off the scores of tokens that have been generated. Default: 0.",
  }),
  frequency_penalty: optional(z.number().min(-2).max(2)).openapi({
    description: "The same, times how often each has been generated. Default: 0.",
  }),
  logit_bias: optional(z.record(z.string().regex(/^\d{1,9}$/), z.number().min(-100).max(100))),
  n: optional(z.int().min(1).max(128)).openapi({ description: "Choices for each prompt. Default: 1." }),
  seed: optional(z.int()).openapi({ description: "The same seed gives the same text. Default: at random." }),
  stop: optional(stopSchema).openapi({ description: "Texts that end a choice; they are not part of it." }),
  stop_token_ids: optional(z.array(tokenId).max(64)),
  ignore_eos: optional(z.boolean()).openapi({ description: "Generates on after the token that ends a text." }),
  stream: optional(z.boolean()).openapi({ description: "Whether tokens are sent as they come." }),
  stream_options: optional(
    z.strictObject({ include_usage: optional(z.boolean()), include_obfuscation: optional(z.boolean()) }),
  ),
  user: optional(z.string()),
};

/** Prompts as token ids. */
export const tokensSchema = z.array(tokenId).min(1);

/** Parsed parameters of sampling. */
export type SamplingParameters = z.infer<z.ZodObject<typeof samplingFields>>;

/** The smallest top-p: keeps the most likely token. */
const SMALLEST = 1e-9;

/** The options of `generate` for a request's parameters. */
export function samplingOptions(parameters: SamplingParameters): SamplingOptions {
  const { logit_bias: bias, top_k: topK, top_p: topP, typical_p: typicalP } = parameters;
  return {
    temperature: parameters.temperature ?? 1,
    topK: Math.max(0, topK ?? 0),
    topP: Math.max(topP ?? 1, SMALLEST),
    minP: parameters.min_p ?? 0,
    typicalP: Math.max(typicalP ?? 1, SMALLEST),
    repetitionPenalty: parameters.repetition_penalty ?? 1,
    presencePenalty: parameters.presence_penalty ?? 0,
    frequencyPenalty: parameters.frequency_penalty ?? 0,
    ...(bias && { logitBias: new Map(Object.entries(bias).map(([id, value]) => [Number(id), value])) }),
  };
}
