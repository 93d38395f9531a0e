/** The published sizes of all families, by the names that recipes use. */
import type { ModelConfigInput } from "./configuration.ts";
import type { Preset } from "./family.ts";
import { families } from "./registry.ts";

export const presets: Readonly<Record<string, Preset<ModelConfigInput>>> = Object.assign(
  {},
  ...Object.values(families).map((family) => family.presets),
);
