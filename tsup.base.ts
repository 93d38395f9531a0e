// How every package is built: one ESM bundle per entry point with its types, dependencies left outside.
import { defineConfig, type Options } from "tsup";

export const library = (options: Options = {}) =>
  defineConfig({
    entry: ["src/index.ts"],
    format: ["esm"],
    target: "node20",
    platform: "neutral",
    dts: { compilerOptions: { customConditions: [] } },
    sourcemap: false,
    external: [/^node:/],
    clean: true,
    removeNodeProtocol: false,
    ...options,
  });
