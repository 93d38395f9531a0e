/** Rotary positions in config.json, as transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`) write them. */
import * as z from "zod";
import { only } from "../../hugging-face/config-json.ts";

/** Positions as they are: scaled ones (for longer texts than were trained) are refused. */
const unscaled = z.strictObject({
  rope_type: only("default"),
  type: only("default"),
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
  return (scaling ?? parameters)?.rope_theta ?? theta;
}
