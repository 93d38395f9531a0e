/**
 * Runs the benchmarks and prints a table. Peers that are not installed are skipped.
 *
 *     [PEER_PYTHON=/path/to/python] pnpm bench [name ...] [--quick] [--threads N] [--json]
 */
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, json: { type: "boolean" }, threads: { type: "string", default: "2" } },
});
const all = readdirSync(new URL(".", import.meta.url)).filter((name) =>
  existsSync(new URL(`${name}/bench.mjs`, import.meta.url)),
);
const unknown = positionals.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(", ")}: expected ${all.join(", ")}\n`);
  process.exit(2);
}

const number = (value) => (value === undefined ? "-" : value.toPrecision(value >= 1000 ? 4 : 3));
const table = [];
for (const name of positionals.length > 0 ? positionals : all) {
  process.stderr.write(`${name} ...\n`);
  const { run } = await import(new URL(`${name}/bench.mjs`, import.meta.url));
  const rows = await run({
    peerPython: process.env.PEER_PYTHON,
    quick: values.quick,
    threads: Number(values.threads),
  });
  table.push(...rows.map((row) => ({ benchmark: name, ...row })));
}
if (values.json) {
  process.stdout.write(`${JSON.stringify(table, null, 2)}\n`);
} else {
  process.stdout.write("| what | ours | peer | ratio | target | met |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const { what, peer, ours, theirs, unit, ratio, atLeast, atMost, note } of table) {
    const target = atLeast === undefined ? (atMost === undefined ? "" : `at most ${atMost}`) : `at least ${atLeast}`;
    const met =
      ratio === undefined
        ? peer === undefined
          ? ""
          : "not measured"
        : (atMost === undefined ? ratio >= (atLeast ?? 0) : ratio <= atMost)
          ? "yes"
          : "no";
    const peerCell = theirs === undefined ? (peer ?? "-") : `${number(theirs)} ${unit} (${peer})`;
    process.stdout.write(
      `| ${what}${note ? `; ${note}` : ""} | ${number(ours)} ${unit} | ${peerCell} | ${number(ratio)} | ${target} | ${met} |\n`,
    );
  }
}
