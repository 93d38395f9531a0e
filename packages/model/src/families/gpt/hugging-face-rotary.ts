/** Rotary positions in config.json, as transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`) write them. */
import * as z from "zod";

/** Positions as they are: scaled ones (for longer texts than were trained) are refused. */
const unscaled = z.strictObject({
  rope_type: z.literal("default").optional(),
  type: z.literal("default").optional(),
  rope_theta: z.number().positive().optional(),
});

/** The fields about rotary positions. */
export const rotaryFields = {
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: unscaled.nullish(),
  rope_parameters: unscaled.nullish(),
};

/** The base of the angles. `rope_scaling` replaces `rope_parameters`, and a theta in either replaces `rope_theta`. */
export function readRotaryTheta({
  rope_theta: theta,
  rope_scaling: scaling,
  rope_parameters: parameters,
}: z.output<z.ZodObject<typeof rotaryFields>>): number {
  const chosen = Object.keys(scaling ?? {}).length > 0 ? scaling : parameters;
  return chosen?.rope_theta ?? theta;
}
