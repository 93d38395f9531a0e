/** How tasks that write text read, write and are scored, as a recipe configures them. */
import * as z from "zod";

/** The schema of a recipe's `task.generation`. */
const generationSchema = z.strictObject({
  /** Beams of beam search; 1 for greedy decoding. */
  numBeams: z.int().min(1).max(1000).default(4),
  /** Scores of beams are divided by length^penalty. */
  lengthPenalty: z.number().default(1),
  /** Every n tokens in a row occur once; 0 for no such rule. */
  noRepeatNgramSize: z.int().min(0).default(0),
  /** Tokens per text. Default: `data.maxTokens`. */
  maxTokens: z.int().min(1).optional(),
});

/** The fields of a recipe's `task` that only tasks that write text have. */
export const textFields = {
  /** What a model reads, with `{source}` in place of the source: "translate English to German: {source}". */
  prompt: z
    .string()
    .refine((text) => text.includes("{source}"), { message: "must contain {source}" })
    .optional(),
  generation: generationSchema.optional(),
  /** A Jinja template that renders chats. Default: the checkpoint's, or a line for each message. */
  chatTemplate: z.string().min(1).optional(),
  /** How BLEU splits words. Default: 13a; none for text that is tokenized already. */
  bleuTokenizer: z.enum(["13a", "intl", "zh", "char", "none"]).optional(),
};

/** Those fields. */
export type TextSettings = z.output<z.ZodObject<typeof textFields>>;

/** Those fields of a recipe's `task`. */
export const textSettingsOf = ({ prompt, generation, chatTemplate, bleuTokenizer }: TextSettings): TextSettings => ({
  prompt,
  generation,
  chatTemplate,
  bleuTokenizer,
});
