// Runs the benchmarks and prints their table. Peers that are not installed are skipped by name.
//
//     [PEER_PYTHON=/path/to/python] pnpm bench [name ...] [--quick] [--threads N] [--json]

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
  process.stderr.write(`no benchmark named ${unknown.join(", ")}: there are ${all.join(", ")}\n`);
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
  process.stdout.write("| what | ours | peer | ratio | wanted | holds |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const { what, peer, ours, theirs, unit, ratio, atLeast, atMost, note } of table) {
    const wanted = atLeast === undefined ? (atMost === undefined ? "" : `at most ${atMost}`) : `at least ${atLeast}`;
    const holds =
      ratio === undefined
        ? peer === undefined
          ? ""
          : "not measured"
        : (atMost === undefined ? ratio >= (atLeast ?? 0) : ratio <= atMost)
          ? "yes"
          : "no";
    const beside = theirs === undefined ? (peer ?? "-") : `${number(theirs)} ${unit} (${peer})`;
    process.stdout.write(
      `| ${what}${note ? `; ${note}` : ""} | ${number(ours)} ${unit} | ${beside} | ${number(ratio)} | ${wanted} | ${holds} |\n`,
    );
  }
}
