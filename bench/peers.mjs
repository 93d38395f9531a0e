/** Runs each side of a benchmark in a fresh process, alternating between ours and theirs, and computes medians. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a script with one JSON argument. The last line it prints is its result, as JSON. */
export function runScript(command, script, options, { env = {} } = {}) {
  const { status, stdout, stderr } = spawnSync(command, [fileURLToPath(script), JSON.stringify(options)], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${command} ${fileURLToPath(script)} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Whether the Python interpreter can import all of the modules. */
export const hasModules = (python, ...modules) =>
  Boolean(python) && spawnSync(python, ["-c", modules.map((name) => `import ${name}`).join("; ")]).status === 0;

export const median = (values) => values.toSorted((left, right) => left - right)[values.length >> 1];

/** Runs the sides alternately, `rounds` times. Returns the results by side, empty for a side that is null (not installed). */
export function alternate(rounds, sides) {
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) if (run) results[name].push(run());
  }
  return results;
}
