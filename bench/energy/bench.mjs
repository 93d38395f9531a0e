/**
 * The estimated energy of a short run against CodeCarbon, which watches the same process and is given the same power. CodeCarbon
 * is a Python package; without it the benchmark is skipped.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs energy
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { writeCorpus } from "../families/corpus.mjs";
import { hasModules } from "../peers.mjs";

const WATTS = 120;

export async function run({ peerPython, threads = 2, backend = "native" } = {}) {
  const what = `energy of a short run, estimated at ${WATTS} W`;
  const path = (name) => fileURLToPath(new URL(name, import.meta.url));
  if (!hasModules(peerPython, "codecarbon")) return [];
  const corpus = await writeCorpus({ vocabularySize: 4096 });
  try {
    const options = JSON.stringify({ directory: corpus.directory, watts: WATTS, threads, backend });
    const command = [path("watch.py"), String(WATTS), process.execPath, path("train.mjs"), options];
    const { status, stdout, stderr } = spawnSync(peerPython, command, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${stderr}`);
    const { ours, theirs } = JSON.parse(stdout.trim().split("\n").at(-1));
    const figures = { peer: "CodeCarbon", ours: 1000 * ours, theirs: 1000 * theirs, unit: "Wh" };
    // Off by at most 15 % either way.
    const ratio = Math.max(ours / theirs, theirs / ours);
    return [{ what, ...figures, ratio, atMost: 1.15 }];
  } finally {
    corpus.remove();
  }
}
