/** The files of examples/cluster: their syntax, that their ranks are those of their split, and that the guide's options exist. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { root } from "./workspace.mjs";

const { parse } = createRequire(join(root, "packages/train/package.json"))("yaml");
const directory = join(root, "examples/cluster");
const read = (name) => readFileSync(join(directory, name), "utf8");

/** The product of the axes in options such as `--parallel.tensor 2`. */
const ranksOf = (text) =>
  [...text.matchAll(/--parallel\.(?:tensor|pipeline|context|data) (\d+)/g)].reduce(
    (all, [, size]) => all * Number(size),
    1,
  );

describe("examples/cluster", () => {
  it("slurm.sbatch is a script that starts as many tasks as it has ranks", () => {
    const { status, stderr } = spawnSync("bash", ["-n", join(directory, "slurm.sbatch")], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const text = read("slurm.sbatch");
    const option = (name) => Number(new RegExp(`^#SBATCH --${name}=(\\d+)$`, "m").exec(text)[1]);
    assert.equal(option("nodes") * option("ntasks-per-node"), ranksOf(text));
  });

  it("namespaces.sh is a script", () => {
    const { status, stderr } = spawnSync("bash", ["-n", join(directory, "namespaces.sh")], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });

  it("mpijob.yaml is an MPIJob with as many slots as ranks", () => {
    const { kind, spec } = parse(read("mpijob.yaml"));
    assert.equal(kind, "MPIJob");
    const { Launcher, Worker } = spec.mpiReplicaSpecs;
    const [{ command, args }] = Launcher.template.spec.containers;
    assert.deepEqual([command, args[0]], [["mpirun"], "-n"]);
    assert.equal(Number(args[1]), Worker.replicas * spec.slotsPerWorker);
    assert.equal(ranksOf(args.join(" ")), Number(args[1]));
  });
});
