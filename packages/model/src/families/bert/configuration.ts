/** What an encoder of BERT's kind is made of: BERT, Megatron's BERT and RoBERTa are settings of these fields. */
import * as z from "zod";
import { activation, checkHeads, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

export const bertConfigSchema = z
  .strictObject({
    family: z.literal("bert"),
    ...sharedFields,
    /** Rows of the position embedding. */
    maxPositions: size,
    /** Rows of the embedding of token types (segments); 0 for none. */
    numTokenTypes: z.int().nonnegative().default(2),
    /**
     * Positions count the tokens that are not this one, from paddingToken + 1, and padding itself stands at paddingToken:
     * RoBERTa's way. They count all tokens from 0 unless given.
     */
    paddingToken: z.int().nonnegative().optional(),
    /**
     * "post", BERT's own: norms behind each branch and behind the embeddings, truncated normal weights. "pre", Megatron's:
     * norms before each branch and a final one, normal weights, those of branch outputs smaller by 1 / sqrt(2L).
     */
    normPlacement: z.enum(["post", "pre"]).default("post"),
    normEpsilon: z.number().positive().default(1e-12),
    activation: activation.default("gelu-erf"),
    /** Of the head that predicts tokens; the model's own unless given. */
    headActivation: activation.optional(),
    /** Which parts stand behind the blocks: the first token pooled, hidden tokens predicted, pairs of segments judged. */
    heads: z
      .strictObject({ pooler: z.boolean(), languageModel: z.boolean(), pair: z.boolean() })
      .default({ pooler: true, languageModel: true, pair: true }),
    /** A head to fine-tune. A sequence is classified by what the pooler makes of it, where there is one. */
    task: taskHeadSchema.optional(),
  })
  .refine(({ heads }) => heads.pooler || !heads.pair, {
    path: ["heads", "pair"],
    message: "the pair head needs the pooler",
  })
  .refine(({ paddingToken = -1, maxPositions }) => maxPositions > paddingToken + 1, {
    path: ["maxPositions"],
    message: "must exceed paddingToken + 1, where the first token stands",
  })
  .superRefine(checkHeads);

export type BertConfig = z.output<typeof bertConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type BertConfigInput = z.input<typeof bertConfigSchema>;
