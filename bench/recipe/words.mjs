/**
 * The share of words in ten passages of a model that stand in the text it was trained on; needs `pnpm build`:
 *
 *     node bench/recipe/words.mjs runs/quickstart/model/run runs/quickstart/text
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PASSAGES = 10;

const [run, texts] = process.argv.slice(2);
if (!run || !texts) {
  process.stderr.write("usage: node bench/recipe/words.mjs RUN TEXTS\n");
  process.exit(2);
}
const wordsOf = (text) => text.toLowerCase().match(/\p{L}+(?:['’]\p{L}+)*/gu) ?? [];
const textOf = (name) => {
  const text = readFileSync(join(texts, name), "utf8");
  if (!name.endsWith(".jsonl")) return text;
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).text)
    .join("\n");
};
const known = new Set(readdirSync(texts).flatMap((name) => wordsOf(textOf(name))));

const program = fileURLToPath(new URL("../../apps/cli/bin/megatron.js", import.meta.url));
const unknown = [];
let total = 0;
for (let seed = 1; seed <= PASSAGES; seed++) {
  const sampling = ["--max-tokens", "200", "--temperature", "0.8", "--top-p", "0.95", "--seed", String(seed)];
  const args = ["generate", run, "--prompt", "My fellow Americans,", ...sampling, "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  // The last word may be cut off.
  const words = wordsOf(JSON.parse(stdout).text).slice(0, -1);
  total += words.length;
  unknown.push(...words.filter((word) => !known.has(word)));
}
const share = (100 * (total - unknown.length)) / total;
process.stdout.write(`${share.toFixed(1)} % of ${total} words; not in the text: ${unknown.join(", ") || "none"}\n`);
