/** The configuration of XLNet. */
import * as z from "zod";
import { activation, checkAttention, checkHeads, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

/** The schema of an XLNet. */
export const xlnetConfigSchema = z
  .strictObject({
    family: z.literal("xlnet"),
    ...sharedFields,
    activation: activation.default("gelu-erf"),
    normEpsilon: z.number().positive().default(1e-12),
    /** Number of last states kept as memory; null for all. */
    memoryLength: size.nullable().default(null),
    /** Number of first tokens of a sequence that enter the memory; null for all. */
    reuseLength: size.nullable().default(null),
    /** Whether there is a language-model head, with a bias. */
    languageModelHead: z.boolean().default(true),
    /** That head shares the token embedding. */
    tiedEmbeddings: z.boolean().default(true),
    /** A head to fine-tune. Sequence classification uses the last token, so rows must not be padded on the right. */
    task: taskHeadSchema.optional(),
  })
  .refine(({ hiddenSize }) => hiddenSize % 2 === 0, {
    path: ["hiddenSize"],
    message: "must be even: distances are encoded as sines and cosines, half each",
  })
  .superRefine(checkHeads)
  .superRefine(checkAttention("bidirectional"));

/** A configuration with its defaults filled in. */
export type XlnetConfig = z.output<typeof xlnetConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type XlnetConfigInput = z.input<typeof xlnetConfigSchema>;
