/**
 * The configuration of BERT-style encoders: BERT, Megatron's BERT, RoBERTa, Longformer, DistilBERT, ELECTRA and ALBERT are
 * settings of these fields.
 */
import * as z from "zod";
import { activation, checkAttention, checkHeads, layerCount, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

/** The schema of a BERT-style encoder. */
export const bertConfigSchema = z
  .strictObject({
    family: z.literal("bert"),
    ...sharedFields,
    /** Rows of the position embedding. */
    maxPositions: size,
    /** Rows of the token type (segment) embedding; 0 for none. */
    numTokenTypes: z.int().nonnegative().default(2),
    /** Width of the embeddings, which are then projected to the hidden size (ALBERT, ELECTRA). Default: not projected. */
    embeddingSize: size.optional(),
    /** Groups of successive layers that share their weights (ALBERT: 1). Default: every layer has its own. */
    numLayerGroups: layerCount.optional(),
    /**
     * RoBERTa's positions: they start at paddingToken + 1 and skip padding tokens, whose own position is paddingToken.
     * Default: positions count all tokens from 0.
     */
    paddingToken: z.int().nonnegative().optional(),
    /**
     * "post" (BERT): layer norm after each branch and after the embeddings, truncated normal weights. "pre" (Megatron):
     * layer norm before each branch and a final one, normal weights, those of branch outputs scaled by 1 / sqrt(2L).
     */
    normPlacement: z.enum(["post", "pre"]).default("post"),
    /**
     * Whether tokens with global attention, of a layout `local`, have query, key and value projections of their own
     * (Longformer).
     */
    globalProjections: z.boolean().default(false),
    normEpsilon: z.number().positive().default(1e-12),
    activation: activation.default("gelu-erf"),
    /** Activation of the language-model head. Default: `activation`. */
    headActivation: activation.optional(),
    /** The parts after the blocks: pooler of the first token, masked language model head, head for segment pairs. */
    heads: z
      .strictObject({ pooler: z.boolean(), languageModel: z.boolean(), pair: z.boolean() })
      .default({ pooler: true, languageModel: true, pair: true }),
    /** The head that predicts tokens shares the token embedding. */
    tiedEmbeddings: z.boolean().default(true),
    /** A head to fine-tune. Sequence classification uses the pooler if there is one. */
    task: taskHeadSchema.optional(),
  })
  .refine(({ heads }) => heads.pooler || !heads.pair, {
    path: ["heads", "pair"],
    message: "the pair head needs the pooler",
  })
  .refine(({ paddingToken = -1, maxPositions }) => maxPositions > paddingToken + 1, {
    path: ["maxPositions"],
    message: "must exceed paddingToken + 1, the position of the first token",
  })
  .refine(({ numLayers, numLayerGroups = numLayers }) => numLayerGroups <= numLayers, {
    path: ["numLayerGroups"],
    message: "must not exceed numLayers",
  })
  .refine(({ globalProjections, attention }) => !globalProjections || attention?.layout === "local", {
    path: ["globalProjections"],
    message: "needs attention.layout: local",
  })
  .superRefine(checkHeads)
  .superRefine(checkAttention("bidirectional"));

/** A configuration with its defaults filled in. */
export type BertConfig = z.output<typeof bertConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type BertConfigInput = z.input<typeof bertConfigSchema>;
