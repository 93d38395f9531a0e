import { describe, expect, it } from "vitest";
import { abilities, foreignFormats, modelConfigSchema, presets } from "./index.ts";

describe("abilities", () => {
  it.each(Object.entries(presets))("%s is exchanged where its family says so", (_, preset) => {
    const config = modelConfigSchema.parse(preset.config);
    const exchanged = foreignFormats.some((format) => format.describes(config));
    expect(abilities[config.family].includes("import")).toBe(exchanged);
    expect(abilities[config.family].includes("export")).toBe(exchanged);
  });
});
