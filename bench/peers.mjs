// What every benchmark does: run each side in a fresh process, ours and theirs in turn, and take medians.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a script with one JSON argument; the last line that it prints is its result, as JSON. */
export function runScript(command, script, options, { env = {} } = {}) {
  const { status, stdout, stderr } = spawnSync(command, [fileURLToPath(script), JSON.stringify(options)], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${command} ${fileURLToPath(script)} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Whether a Python interpreter can import all of these modules. */
export const hasModules = (python, ...modules) =>
  Boolean(python) && spawnSync(python, ["-c", modules.map((name) => `import ${name}`).join("; ")]).status === 0;

export const median = (values) => values.toSorted((left, right) => left - right)[values.length >> 1];

/** All sides in turn, `rounds` times: the results of each, by its name; none where a side is null because it is missing. */
export function alternate(rounds, sides) {
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) if (run) results[name].push(run());
  }
  return results;
}
