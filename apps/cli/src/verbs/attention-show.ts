/** `megatron attention show`: draws a layout of sparse attention in the terminal and as SVG. */
import { writeFileSync } from "node:fs";
import type { LayoutConfig } from "@megatron-ts/attention";
import { type Command, Option } from "commander";
import { parse as parseYaml } from "yaml";
import { drawSvg } from "../attention/svg.ts";
import { CELL_WIDTH, drawText, textLegend } from "../attention/text.ts";
import { UsageError } from "../errors.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Options of the layouts, as a recipe's `attention` has them. */
const LAYOUT_OPTIONS: [flags: string, description: string][] = [
  ["--window <tokens>", "local, dilated: keys that a token sees"],
  ["--global-tokens <list>", "local: tokens that see all and that all see, such as [0, 1]"],
  ["--dilation <n>", "dilated: distance between the keys of the window"],
  ["--stride <n>", "strided: about the square root of the length"],
  ["--heads <kind>", "strided: merged or alternating"],
  ["--block-size <tokens>", "tokens of a block, a divisor or multiple of 64"],
  ["--window-blocks <n>", "local-blocks, bigbird, bslongformer: blocks of the window"],
  ["--local-blocks <n>", "fixed: blocks of a local window; variable: a list of them, such as [1, 2]"],
  [
    "--global-blocks <n>",
    "fixed, bigbird: number of global blocks; variable, bslongformer: a list, such as [0, [4, 6]]",
  ],
  ["--global-patterns <n>", "fixed: in how many ways heads choose their global blocks"],
  ["--random-blocks <n>", "variable, bigbird: random blocks of each row"],
  ["--seed <n>", "variable, bigbird: seed of the random blocks"],
  ["--global-rows", "fixed, variable: global blocks see all blocks"],
  ["--last-global", "bigbird: the last block is global too"],
  ["--per-head", "variable, bigbird: each head draws its own random blocks"],
];

/** Cells of the drawing in a file, on a side. */
const SVG_CELLS = 128;
/** Characters of a line where the terminal's width is unknown, and the most that are used. */
const COLUMNS = 80;

interface Options extends Record<string, unknown> {
  layout: string;
  length: number;
  bidirectional?: boolean;
  head: number;
  svg?: string | false;
  json?: boolean;
}

export function addAttentionShow(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("show")
    .usage("--layout <name> [options]")
    .description("draw a layout of sparse attention in the terminal and as SVG")
    .requiredOption("--layout <name>", "layout, as in a recipe's model.attention", nonEmpty)
    .option("--length <tokens>", "length of the text", integer(1, 2 ** 20), 512)
    .option("--bidirectional", "as an encoder has it (default: as a decoder, no token sees a later one)")
    .option("--head <n>", "the head to draw, where heads differ", integer(0, 4095), 0)
    .addOption(new Option("--svg <file>", "file to draw to (default: attention-<layout>-<length>.svg)"))
    .option("--no-svg", "write no file")
    .action((options: Options) => run(options, terminal));
  command.optionsGroup("Options of layouts:");
  for (const [flags, description] of LAYOUT_OPTIONS) command.option(flags, description);
  addExamples(addJsonOption(command), [
    "megatron attention show --layout bigbird --length 512",
    "megatron attention show --layout local --window 128 --global-tokens [0] --bidirectional --svg local.svg",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { compileLayout, coverageOf, createLayout, layoutSchema } = await import("@megatron-ts/attention");
  const { length, head, bidirectional = false } = options;
  const given = { layout: options.layout, ...givenTo(options) };
  const parsed = layoutSchema.safeParse(given);
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((issue) => describeIssue(issue, given)).join("; "));
  const config: LayoutConfig = parsed.data;
  const layout = createLayout(config, { causal: !bidirectional, length });
  const seed = "seed" in config ? config.seed : undefined;
  const lists = compileLayout(layout, { length, numHeads: head + 1, headRange: { first: head, count: 1 }, seed });

  const file = options.svg === false ? null : (options.svg ?? `attention-${config.layout}-${length}.svg`);
  const name = `${config.layout}, ${length.toLocaleString("en-US")} tokens, ${bidirectional ? "bidirectional" : "causal"}`;
  if (file !== null) {
    const drawn = coverageOf(lists, { maxCells: SVG_CELLS });
    writeFileSync(file, drawSvg(drawn, { title: `${name}: ${share(drawn.pairs, length)} of all pairs`, length }));
  }
  const maxCells = Math.floor(Math.min(terminal.width, COLUMNS) / CELL_WIDTH);
  const coverage = coverageOf(lists, { maxCells: Math.max(1, maxCells) });
  if (options.json) {
    const { pairs, cellSize, cells } = coverage;
    const listed = { blocks: lists.blocks.length / 2, masks: lists.masks.length / 128 };
    return terminal.json({
      ...config,
      length,
      causal: !bidirectional,
      pairs,
      ...listed,
      cellSize,
      cells: cells.map((row) => [...row]),
      svg: file,
    });
  }
  for (const line of drawText(coverage)) terminal.print(line);
  terminal.print("");
  terminal.print(`${name}: ${coverage.pairs.toLocaleString("en-US")} pairs, ${share(coverage.pairs, length)} of all`);
  terminal.print(
    `${textLegend}; a cell is ${coverage.cellSize} x ${coverage.cellSize} tokens, queries from top to bottom`,
  );
  if (file !== null) terminal.log(`drawn in ${file}`);
}

const share = (pairs: number, length: number) => `${((100 * pairs) / length ** 2).toPrecision(3)}%`;

/** The options of layouts that were given, as values. */
function givenTo(options: Options): Record<string, unknown> {
  return Object.fromEntries(
    LAYOUT_OPTIONS.flatMap(([flags]) => {
      const name = flags
        .slice(2)
        .split(" ")[0]!
        .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      const given = options[name];
      if (given === undefined) return [];
      return [[name, typeof given === "string" ? parseOption(name, given) : given]];
    }),
  );
}

function parseOption(name: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    throw new UsageError(`${name}: expected a number or a list, such as [0, 1]; got ${text}`);
  }
}

interface Issue {
  path: readonly PropertyKey[];
  message: string;
  code?: string;
  keys?: readonly string[];
  options?: readonly unknown[];
  expected?: string;
  origin?: string;
  minimum?: unknown;
  inclusive?: boolean;
}

function describeIssue(issue: Issue, given: Record<string, unknown>): string {
  const { path, code, keys } = issue;
  if (code === "unrecognized_keys") return `${keys!.join(", ")}: no option of this layout`;
  const value = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], given);
  const expected = expectedBy(issue);
  return `${path.join(".")}: ${expected}${expected.startsWith("expected") ? `; got ${JSON.stringify(value)}` : ""}`;
}

/** What would have been right; the schema's own message where it says that. */
function expectedBy({ code, expected, origin, minimum, inclusive, message }: Issue): string {
  const bound = `${inclusive === false ? "above" : "of at least"} ${minimum}`;
  if (code === "too_small") return origin === "array" ? `expected a list ${bound} long` : `expected a number ${bound}`;
  if (code === "invalid_type") {
    if (expected === "array") return "expected a list, such as [0, 1]";
    return `expected ${expected === "int" ? "a whole number" : expected === "boolean" ? "true or false" : `a ${expected}`}`;
  }
  return message.replace(/^Invalid (\w| )+[.:] /, "").replace(/^Expected/, "expected");
}
