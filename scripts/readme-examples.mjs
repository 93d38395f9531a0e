/** The TypeScript examples of a README. */
import { readFileSync } from "node:fs";
import ts from "typescript";

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2022,
  verbatimModuleSyntax: true,
};

/** Every example: its code, and that code in JavaScript. */
export function readmeExamples(readme) {
  return [...readFileSync(readme, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => ({
    code,
    javascript: ts.transpileModule(code, { compilerOptions }).outputText,
  }));
}
