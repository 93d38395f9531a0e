/** How every package is built: one ES module per entry point with its types; dependencies stay outside. */
import { readFileSync } from "node:fs";
import { defineConfig, type Options } from "tsup";
import ts from "typescript";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Whether evaluating an expression calls or constructs something. */
function evaluatesCall(node: ts.Node): boolean {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) return true;
  return !ts.isFunctionLike(node) && Boolean(ts.forEachChild(node, (child) => evaluatesCall(child) || undefined));
}

/**
 * Marks the values of module-level constants as pure, so that a bundler leaves out those that a program does not use:
 * importing one function must not bring every schema, and zod with them.
 */
const pureConstants: EsbuildPlugin = {
  name: "pure-constants",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
      const values = source.statements
        .filter(ts.isVariableStatement)
        .flatMap(({ declarationList }) => [...declarationList.declarations])
        .flatMap(({ initializer }) => (initializer && evaluatesCall(initializer) ? [initializer] : []));
      let contents = source.text;
      for (const value of values.reverse()) {
        const [start, end] = [value.getStart(), value.getEnd()];
        contents = `${contents.slice(0, start)}/* @__PURE__ */ (() => (${contents.slice(start, end)}))()${contents.slice(end)}`;
      }
      return { contents, loader: "ts" };
    });
  },
};

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
    esbuildPlugins: [pureConstants],
    ...options,
  });
