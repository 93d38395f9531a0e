/**
 * Rules for sources that no compiler or linter checks. Each takes a parsed package and returns its violations as lines.
 *
 *     node scripts/source-rules.mjs [package ...]    prints the violations
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { importCycles } from "./import-cycles.mjs";
import { SCOPE, sourcesOf } from "./packages.mjs";
import { hasDocstring, lineOf, parsePackages, SyntaxKind, ts, walk } from "./source-tree.mjs";
import { root } from "./workspace.mjs";

const shown = (file) => relative(root, file).replaceAll("\\", "/");
const at = (node) => `${shown(node.getSourceFile().fileName)}:${lineOf(node)}`;

/** Every node of a package's shipped files that `test` accepts. */
function nodes({ sources }, test) {
  const found = [];
  for (const source of sources) {
    walk(source, (node) => {
      if (test(node)) found.push(node);
    });
  }
  return found;
}

/** Family names are for the model package, which adds a family in one folder. */
const FAMILY = /(?<![a-z])(gpt|bert|roberta|xlnet|t5|llama|encoder[- ]decoder)(?![a-z])/;

/** Names that contain a family's for a reason of their own. */
const NOT_A_FAMILY = new Set([
  // Keys of random streams: another name would change the order of the samples.
  ...["gpt-documents", "gpt-samples"],
  // Tokenizer classes of transformers, and model types by which it chooses them.
  ...["T5Tokenizer", "LlamaTokenizer", "XLNetTokenizer", "XLMRobertaTokenizer", "BertTokenizer", "RobertaTokenizer"],
  ...["DistilBertTokenizer", "AlbertTokenizer", "CamembertTokenizer", "GPT2Tokenizer", "gpt2", "xlnet", "xlm-roberta"],
]);

/** Types in tokenizer.json, as Hugging Face wrote them, as words; also as parts of other names. */
const TOKENIZER_PARTS = /bert[- ](normalizer|pre[- ]tokenizer|processing)|roberta processing/g;

/** `createGptSamples` as "create gpt samples". */
const words = (name) =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();

/** Longer strings are data. */
const LONGEST_NAME = 100;

/** Whether a node is an identifier or a string literal (no prose: it has a space) that names a family. */
function namesFamily(node) {
  if (!ts.isIdentifier(node) && !ts.isStringLiteralLike(node)) return false;
  return (
    !/\s/.test(node.text) &&
    node.text.length < LONGEST_NAME &&
    !NOT_A_FAMILY.has(node.text) &&
    FAMILY.test(words(node.text).replaceAll(TOKENIZER_PARTS, ""))
  );
}

const isCastTo = (node, kind) => ts.isAsExpression(node) && node.type.kind === kind;

/** Whether a comment ends in the line above a node's line, or in that line. */
function isCommented(node) {
  const source = node.getSourceFile();
  const lines = source.text.split("\n");
  const line = lineOf(node) - 1;
  return /\/\/|\*\//.test(lines[line]) || /^\s*(\/\/|\*|\/\*)/.test(lines[line - 1] ?? "");
}

/** Rule by name: a function from a parsed package to its violations. */
export const rules = {
  "no import cycles": (found) =>
    importCycles(sourcesOf(found)).map((cycle) => cycle.map((file) => shown(file)).join(", ")),

  "every public export has a docstring": ({ publicExports }) =>
    publicExports()
      .filter(
        ({ declarations }) =>
          !declarations.some((node) => node.getSourceFile().isDeclarationFile || hasDocstring(node)),
      )
      .filter(({ declarations }) => declarations.length > 0)
      .map(({ name, declarations }) => `${at(declarations[0])}: ${name}`),

  "no model family is named": (found) =>
    found.name === "model" ? [] : nodes(found, namesFamily).map((node) => `${at(node)}: ${node.text}`),

  "no `as never`": (found) => nodes(found, (node) => isCastTo(node, SyntaxKind.NeverKeyword)).map(at),

  "every `as unknown as` has a comment that says why": (found) =>
    nodes(
      found,
      (node) => ts.isAsExpression(node) && isCastTo(node.expression, SyntaxKind.UnknownKeyword) && !isCommented(node),
    ).map(at),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2).map((name) => name.replace(SCOPE, ""));
  for (const found of parsePackages()) {
    if (wanted.length > 0 && !wanted.includes(found.name)) continue;
    for (const [rule, violations] of Object.entries(rules)) {
      const lines = violations(found);
      if (lines.length > 0) console.log(`\n${found.name}: ${rule}\n  ${lines.join("\n  ")}`);
    }
  }
}
