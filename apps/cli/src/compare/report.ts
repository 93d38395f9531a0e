/** Writes a comparison as Markdown, JSON, and one HTML page with the loss curves of all runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "@megatron-ts/data";
import { formatBytes, formatCount, lossSvg, readLossCurve } from "@megatron-ts/train";
import type { Comparison } from "./comparison.ts";
import type { CompareConfig } from "./configuration.ts";
import { cellTable, comparisonTable, publishedTable, type TextTable } from "./table.ts";

/** The files of a report. */
export interface ReportFiles {
  markdown: string;
  json: string;
  html: string;
}

/** Writes all three into the comparison's directory. */
export function writeReport(comparison: Comparison, configuration: CompareConfig): ReportFiles {
  const { directory } = configuration.run;
  const files = {
    markdown: join(directory, "comparison.md"),
    json: join(directory, "comparison.json"),
    html: join(directory, "comparison.html"),
  };
  replaceFile(files.markdown, markdownOf(comparison, configuration));
  replaceFile(files.json, `${JSON.stringify({ ...comparison, published: configuration.published }, null, 2)}\n`);
  replaceFile(files.html, htmlOf(comparison, configuration));
  return files;
}

const PUBLISHED_NOTE =
  "Published by others, for models hundreds of times as large and on other data: not measured here, and not comparable with the rows above.";
const PERPLEXITY_NOTE =
  "Perplexities are each by its own definition, named in brackets: a masked model sees both sides of a word, a causal model only what is before it. They do not compare with each other.";

/** What all models have in common. */
function introduction({ text }: Comparison, { pretraining, tasks, seed }: CompareConfig): string[] {
  const { description, languages, bytes, tokens, vocabularySize } = text;
  const size = `${formatBytes(bytes)}, ${formatCount(tokens)} tokens of a shared vocabulary of ${formatCount(vocabularySize)}`;
  const language = languages.join(", ");
  return [
    `All models were pretrained on ${formatCount(pretraining.tokens)} tokens of the same text (${description}; ${language}; ${size}) with the seed ${seed}, then fine-tuned for each task.`,
    ...Object.entries(tasks).map(([name, task]) => `${name}: ${task.description}.`),
    PERPLEXITY_NOTE,
  ];
}

function markdownTable({ head, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function markdownOf(comparison: Comparison, configuration: CompareConfig): string {
  const [first, ...notes] = introduction(comparison, configuration);
  const parts = [
    "# Comparison",
    first,
    markdownTable(comparisonTable(comparison, configuration)),
    notes.map((note) => `- ${note}`).join("\n"),
    "## Published",
    PUBLISHED_NOTE,
    markdownTable(publishedTable(configuration)),
    "## Cells",
    "Each command computes its cell again; `megatron compare ... --verify <cell>` does so and compares all bits.",
    markdownTable(cellTable(comparison)),
  ];
  return `${parts.join("\n\n")}\n`;
}

const escapeHtml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function htmlTable({ head, rows }: TextTable): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${row(head, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("\n")}</tbody></table></div>`;
}

const STYLE =
  ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}" +
  ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px}th,td{border-bottom:1px solid #8884;padding:.35rem .6rem;text-align:left;vertical-align:top}" +
  ".curves{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(24rem,1fr))}figure{margin:0}svg{width:100%}";

/** The loss curves of a model's runs. */
function curvesOf({ name, pretraining, tasks }: Comparison["models"][number]): string {
  const runs = [
    ["pretraining", pretraining.run] as const,
    ...Object.entries(tasks).flatMap(([task, cell]) => ("run" in cell ? [[task, cell.run] as const] : [])),
  ];
  const figures = runs.flatMap(([title, run]) => {
    const log = join(run, "metrics.jsonl");
    if (!existsSync(log)) return [];
    const caption = `<figcaption>${escapeHtml(`${name}: ${title}`)}</figcaption>`;
    return [`<figure>${caption}${lossSvg(readLossCurve(log))}</figure>`];
  });
  return figures.join("\n");
}

function htmlOf(comparison: Comparison, configuration: CompareConfig): string {
  const [first, ...notes] = introduction(comparison, configuration);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>Comparison</title><style>${STYLE}</style></head><body>`,
    `<h1>Comparison</h1><p>${escapeHtml(first!)}</p>`,
    htmlTable(comparisonTable(comparison, configuration)),
    `<ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("")}</ul>`,
    `<h2>Loss curves</h2><div class="curves">${comparison.models.map(curvesOf).join("\n")}</div>`,
    `<h2>Published</h2><p>${PUBLISHED_NOTE}</p>${htmlTable(publishedTable(configuration))}`,
    `<h2>Cells</h2>${htmlTable(cellTable(comparison))}`,
    "</body></html>\n",
  ].join("\n");
}
