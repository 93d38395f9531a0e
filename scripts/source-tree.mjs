/** The packages' sources as TypeScript sees them: parsed files, shipped files and public exports. Resolves our own files only. */
import { dirname, resolve } from "node:path";
import ts from "typescript";
import { entriesOf, listPackages, reachable } from "./packages.mjs";

const { SyntaxKind } = ts;

/** The files of a package that its users load, and no tests. */
export const shippedFiles = (found) => [...reachable([...entriesOf(found).values()])];

/** A program of the given files that follows relative imports only, so that it parses nothing but our sources. */
function createProgram(files) {
  const options = { noLib: true, types: [], allowImportingTsExtensions: true, target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options, true);
  host.resolveModuleNameLiterals = (literals, importer) =>
    literals.map(({ text }) => ({
      resolvedModule: text.startsWith(".")
        ? { resolvedFileName: resolve(dirname(importer), text), extension: ts.Extension.Ts }
        : undefined,
    }));
  return ts.createProgram(files, options, host);
}

/** Every package with its shipped files parsed, and the checker that resolves their exports. */
export function parsePackages() {
  const packages = listPackages().map((found) => ({ ...found, shipped: shippedFiles(found) }));
  const program = createProgram(packages.flatMap(({ shipped }) => shipped));
  const checker = program.getTypeChecker();
  return packages.map((found) => ({
    ...found,
    sources: found.shipped.map((file) => program.getSourceFile(file)),
    /** The exports of every entry point: name, and the declarations behind it. */
    publicExports: () =>
      [...entriesOf(found)].flatMap(([entry, file]) => {
        const module = checker.getSymbolAtLocation(program.getSourceFile(file));
        const symbols = module ? checker.getExportsOfModule(module) : [];
        return symbols.map((symbol) => {
          const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
          return { entry, name: symbol.name, declarations: target.declarations ?? [] };
        });
      }),
  }));
}

/** Whether a declaration has a docstring with text in it. */
export function hasDocstring(declaration) {
  const documented = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const comments = ts.getJSDocCommentsAndTags(documented);
  return comments.some(
    (comment) => ts.isJSDoc(comment) && (ts.getTextOfJSDocComment(comment.comment) ?? "").trim() !== "",
  );
}

/** Calls `visit` for every node below `node`. */
export function walk(node, visit) {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** `file:line` of a node. */
export function lineOf(node) {
  const source = node.getSourceFile();
  return source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
}

export { SyntaxKind, ts };
