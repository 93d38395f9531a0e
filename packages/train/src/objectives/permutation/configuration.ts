/** Permutation language modeling as a recipe configures it. */
import * as z from "zod";

const share = z.number().gt(0).lt(1);

/** Tokens are predicted in the order of a permutation (XLNet). Both lengths are shares of the sequence. */
export const permutationConfigSchema = z.strictObject({
  name: z.literal("permutation"),
  /** Length of the first part, which is also that of a permutation: 256 of 512. */
  reuse: share.default(0.5),
  /** Number of predicted tokens: 85 of 512. */
  predicted: share.default(85 / 512),
  /** XLNet's mask_alpha: tokens of context, per predicted word, in which a run of predicted words is placed. */
  maskAlpha: z.int().min(1).default(6),
  maxNgram: z.int().min(1).default(5),
  /** Whether every second sample runs backwards. */
  bothDirections: z.boolean().default(true),
});
