/**
 * Runs the benchmarks and prints a table, each row as soon as it is measured. Peers that are not installed are skipped.
 *
 *     [PEER_PYTHON=/path/to/python] pnpm bench [name ...] [--rows name,...] [--quick] [--threads N] [--json]
 *
 * A benchmark exports `run`, which measures all of its rows, or `rows`, functions by name that measure one or a few each.
 */
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean" },
    json: { type: "boolean" },
    threads: { type: "string", default: "2" },
    rows: { type: "string" },
  },
});
const all = readdirSync(new URL(".", import.meta.url)).filter((name) =>
  existsSync(new URL(`${name}/bench.mjs`, import.meta.url)),
);
function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
const unknown = positionals.filter((name) => !all.includes(name));
if (unknown.length > 0) refuse(`unknown benchmark ${unknown.join(", ")}: expected ${all.join(", ")}`);
const wanted = values.rows?.split(",");
if (wanted && positionals.length !== 1) refuse("--rows: expected the name of one benchmark before it");

const number = (value) => (value === undefined ? "-" : value.toPrecision(value >= 1000 ? 4 : 3));

function line({ what, peer, ours, theirs, unit, ratio, atLeast, atMost, note }) {
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
  return `| ${what}${note ? `; ${note}` : ""} | ${number(ours)} ${unit} | ${peerCell} | ${number(ratio)} | ${target} | ${met} |\n`;
}

/** The measurements of a benchmark, in order. */
async function measurementsOf(name) {
  const { run, rows = { all: run } } = await import(new URL(`${name}/bench.mjs`, import.meta.url));
  if (wanted && run) refuse(`--rows: ${name} has no rows that can be chosen`);
  const missing = wanted?.filter((row) => !(row in rows)) ?? [];
  if (missing.length > 0) refuse(`--rows: unknown ${missing.join(", ")}: expected ${Object.keys(rows).join(", ")}`);
  const chosen = Object.entries(rows).filter(([row]) => !wanted || wanted.includes(row));
  return chosen.map(([row, measure]) => ({ name, row, measure }));
}

const measurements = [];
for (const name of positionals.length > 0 ? positionals : all) measurements.push(...(await measurementsOf(name)));
if (!values.json) {
  process.stdout.write("| what | ours | peer | ratio | target | met |\n| --- | --- | --- | --- | --- | --- |\n");
}
const options = { peerPython: process.env.PEER_PYTHON, quick: values.quick, threads: Number(values.threads) };
const table = [];
for (const { name, row, measure } of measurements) {
  process.stderr.write(`${name}${row === "all" ? "" : ` ${row}`} ...\n`);
  for (const found of [await measure(options)].flat()) {
    table.push({ benchmark: name, ...found });
    if (!values.json) process.stdout.write(line(found));
  }
}
if (values.json) process.stdout.write(`${JSON.stringify(table, null, 2)}\n`);
