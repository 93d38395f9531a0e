/** Builds the page into the server's dist: one script and one style sheet, served by it. */
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  build: { outDir: "../dist/ui", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: { conditions: ["@megatron-ts/source", "browser", "module", "import", "default"] },
});
