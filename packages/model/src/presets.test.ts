import { describe, expect, it } from "vitest";
import { countModelParameters, presets } from "./index.ts";

describe("presets", () => {
  it.each(Object.entries(presets))("%s has exactly its published number of parameters", (_name, preset) => {
    expect(countModelParameters(preset.config)).toBe(preset.parameters);
  });
});
