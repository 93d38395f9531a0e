/** The published sizes of all families, by the names that recipes use. */
import type { ModelConfigInput } from "./configuration.ts";
import type { Preset } from "./family.ts";
import { families } from "./registry.ts";

/** Presets by name, such as "gpt2"; a test counts the parameters of each. */
export const presets: Readonly<Record<string, Preset<ModelConfigInput>>> = Object.assign(
  {},
  ...Object.values(families).map((family) => family.presets),
);
