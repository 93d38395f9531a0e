/** What an XLNet is made of. */
import * as z from "zod";
import { activation, checkHeads, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

export const xlnetConfigSchema = z
  .strictObject({
    family: z.literal("xlnet"),
    ...sharedFields,
    activation: activation.default("gelu-erf"),
    normEpsilon: z.number().positive().default(1e-12),
    /** States that the memory holds, the last ones; all unless given. */
    memoryLength: size.nullable().default(null),
    /** First tokens of a sequence that enter the memory; all unless given. */
    reuseLength: size.nullable().default(null),
    /** Whether tokens are predicted: the head is tied to their embedding and has a bias of its own. */
    languageModelHead: z.boolean().default(true),
    /** A head to fine-tune. A sequence is classified by its last token, behind which nothing may stand. */
    task: taskHeadSchema.optional(),
  })
  .refine(({ hiddenSize }) => hiddenSize % 2 === 0, {
    path: ["hiddenSize"],
    message: "must be even: half of a distance's numbers are sines, half cosines",
  })
  .superRefine(checkHeads);

export type XlnetConfig = z.output<typeof xlnetConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type XlnetConfigInput = z.input<typeof xlnetConfigSchema>;
