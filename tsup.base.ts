/**
 * How every package is built: one ES module per entry point; dependencies stay outside. scripts/build-types.mjs writes the types,
 * of all packages at once; programs run without them.
 */
import { readFileSync } from "node:fs";
import { defineConfig, type Options } from "tsup";
import ts from "typescript";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];
type TsupPlugin = NonNullable<Options["plugins"]>[number];

/** Whether a bundler must assume that evaluating an expression has an effect: it calls something, or a getter may run. */
function mayHaveEffect(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTaggedTemplateExpression(node)) return true;
  if (ts.isSpreadElement(node) || ts.isSpreadAssignment(node)) return true;
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return true;
  return ts.forEachChild(node, (child) => mayHaveEffect(child) || undefined) ?? false;
}

/**
 * Marks the values of module-level constants as pure, so that bundlers drop the constants that a program does not use:
 * importing one function must not bring every schema, and zod with them.
 */
const pureConstants: EsbuildPlugin = {
  name: "pure-constants",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
      const values = source.statements
        .filter(ts.isVariableStatement)
        .flatMap(({ declarationList }) => declarationList.declarations.map(({ initializer }) => initializer))
        .filter((value) => value !== undefined && mayHaveEffect(value)) as ts.Expression[];
      let contents = source.text;
      for (const value of values.reverse()) {
        const [start, end] = [value.getStart(), value.getEnd()];
        const pure = `/* @__PURE__ */ (() => (${contents.slice(start, end)}))()`;
        contents = contents.slice(0, start) + pure + contents.slice(end);
      }
      return { contents, loader: "ts" };
    });
  },
};

/** Does the same for the objects that esbuild makes of `import * as`. */
const pureNamespaces: TsupPlugin = {
  name: "pure-namespaces",
  renderChunk: (code) => ({
    code: code.replaceAll(
      /^var (\w+) = \{\};\n__export\(\1, (\{\n[^}]*\})\);$/gm,
      "var $1 = /* @__PURE__ */ (() => { const exports = {}; __export(exports, $2); return exports; })();",
    ),
  }),
};

/** The build of a package: one entry, src/index.ts, by default. */
export const library = (options: Options = {}) =>
  defineConfig({
    entry: ["src/index.ts"],
    format: ["esm"],
    target: "node20",
    platform: "neutral",
    sourcemap: false,
    external: [/^node:/],
    clean: ["!**/*.d.ts"],
    removeNodeProtocol: false,
    esbuildPlugins: [pureConstants],
    plugins: [pureNamespaces],
    ...options,
  });
