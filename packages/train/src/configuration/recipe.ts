/**
 * Parses recipes (YAML text and command-line overrides) into a checked configuration, and formats them. Reports all
 * problems at once, each with its line or flag. Knows nothing about the meaning of fields, and reads no files.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  stringify,
  type YAMLParseError,
} from "yaml";
import type * as z from "zod";
import { ConfigError, type ConfigProblem } from "../errors.ts";
import { applyOverrides, type Override } from "./recipe-overrides.ts";
import { outlineOf } from "./schema-outline.ts";
import { problemsOf } from "./schema-problems.ts";

/** Options of `parseRecipe`. */
export interface RecipeOptions<Schema extends z.ZodType> {
  schema: Schema;
  /** Name of the recipe in messages. */
  file?: string;
  /** Applied to the recipe in order. */
  overrides?: readonly Override[];
  /** Finds contradictions between fields of the parsed configuration. */
  check?: (configuration: z.output<Schema>) => ConfigProblem[];
}

/**
 * Parses a recipe and its overrides into a configuration with all defaults filled in.
 * @throws ConfigError with one line per problem
 */
export function parseRecipe<Schema extends z.ZodType>(text: string, options: RecipeOptions<Schema>): z.output<Schema> {
  const { schema, file = "recipe", overrides = [], check } = options;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  // Errors after the first are mostly its consequences.
  const [error] = document.errors;
  if (error) throw new ConfigError([{ path: "", message: tellYamlError(error, text), where: at(error.pos[0]) }]);
  const value = plainValue(document, { file, schema });
  applyOverrides(value, overrides, outlineOf(schema));

  const located = (problems: readonly ConfigProblem[]) => {
    const written = problems.map((problem) => {
      const offset = offsetOf(document, problem.path.split("."));
      const flag = overrides.findLast(([path]) => overlap(path, problem.path));
      if (flag) return { problem: { ...problem, where: `--${flag[0]}` }, order: Number.POSITIVE_INFINITY };
      return { problem: { ...problem, where: offset === undefined ? file : at(offset) }, order: offset ?? -1 };
    });
    return new ConfigError(written.sort((a, b) => a.order - b.order).map(({ problem }) => problem));
  };
  const result = schema.safeParse(value);
  if (!result.success) {
    throw located(problemsOf(result.error.issues, { value, outline: outlineOf(schema) }));
  }
  const contradictions = check?.(result.data) ?? [];
  if (contradictions.length > 0) throw located(contradictions);
  return result.data;
}

/** Formats a resolved configuration as a recipe that parses to the same configuration. */
export const formatRecipe = (configuration: object): string => stringify(configuration);

function tellYamlError({ code, message, pos: [start] }: YAMLParseError, text: string): string {
  if (code === "DUPLICATE_KEY") return `${/^[^\s:]+/.exec(text.slice(start))?.[0]}: is given twice`;
  if (code === "MULTIPLE_DOCS") return "holds several documents, each after ---: expected one";
  return `not YAML: ${message}`;
}

function plainValue(document: Document, { file, schema }: { file: string; schema: z.ZodType }): object {
  const refuse = (message: string) => new ConfigError([{ path: "", message, where: file }]);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An undefined alias, or too many.
    throw refuse(`not YAML: ${(error as Error).message}`);
  }
  if (value === null || value === undefined)
    throw refuse(`is empty: expected ${outlineOf(schema).required?.join(", ")}`);
  if (typeof value === "object" && !Array.isArray(value)) return value;
  throw refuse("expected named fields, as in `train: { steps: 100 }`");
}

const overlap = (a: string, b: string) => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** Offset of the deepest part of `path` that the text contains. */
function offsetOf(document: Document, path: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset;
      node = pair?.value;
    } else {
      node = isSeq(node) ? node.items[Number(key)] : undefined;
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    }
  }
  return offset;
}
