/** The configuration of task heads: classification of sequences or tokens, a choice between sequences, question answering, and ELECTRA's discriminator. */
import * as z from "zod";

/** Names of the classes, in the order of the logits. */
const labels = z.array(z.string()).min(1);
const dropout = z.number().min(0).lt(1).optional();

/** Of the dense layer that a head for sequences has without a pooler. Default: tanh (RoBERTa). */
const activation = z.enum(["tanh", "relu", "gelu-erf"]).optional();

/** In models with a decoder: its first input, after which it reads what the encoder reads. */
const startToken = z.int().nonnegative().optional();

/** Whether each label is there or not, whatever the others are. Default: exactly one is. */
const multiLabel = z.literal(true).optional();

/** A head to fine-tune; `dropout` defaults to the model's own. */
export const taskHeadSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("sequence-classification"), labels, multiLabel, dropout, activation, startToken }),
  z.strictObject({ kind: z.literal("multiple-choice"), dropout, activation, startToken }),
  z.strictObject({ kind: z.literal("token-classification"), labels, dropout }),
  z.strictObject({ kind: z.literal("question-answering"), startToken }),
  z.strictObject({ kind: z.literal("replaced-token-detection") }),
]);

/** A task head's configuration. */
export type TaskHeadConfig = z.output<typeof taskHeadSchema>;
