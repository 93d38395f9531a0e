import { describe, expect, it } from "vitest";
import { capabilitiesOf, familyOf, modelConfigSchema, presets } from "./index.ts";

describe("capabilitiesOf", () => {
  it.each(Object.entries(presets))("%s has a format if and only if it can be exchanged", (_, preset) => {
    const config = modelConfigSchema.parse(preset.config);
    const exchanged = familyOf(config).formats.some((format) => format.supports(config));
    expect(capabilitiesOf(config).includes("import")).toBe(exchanged);
    expect(capabilitiesOf(config).includes("export")).toBe(exchanged);
  });

  it("names the families it knows", () => {
    expect(() => capabilitiesOf({ family: "gtp" })).toThrow(/bert.*gpt.*"gtp"/);
  });
});
