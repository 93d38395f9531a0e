/**
 * A process that saves checkpoints until it is killed. Bundled and started by crash.test.ts and latest-checkpoint.test.ts.
 *
 * node crash.child.mjs <run> sequence <n>   saves, replaces and deletes; kills itself (SIGKILL) before its n-th change
 * to                                           the file system, or halfway through it if that is a write or a removal
 * node crash.child.mjs <run> endless        saves until it is killed, printing each step that is on disk
 * node crash.child.mjs <run> newest         saves until it is killed, and keeps only the newest
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { checkpointDirectory, deleteCheckpoint, latestCheckpoint, listCheckpoints } from "../run-directory.ts";
import { saveCheckpoint } from "../save-checkpoint.ts";
import { checkpointContent } from "./crash-content.ts";
import { saveInHalves } from "./save-in-halves.ts";

const [run, mode, fatal] = process.argv.slice(2) as [string, "sequence" | "endless" | "newest", string | undefined];

/** The second edition is written as two ranks do. */
const save = async (step: number, edition = 1): Promise<void> => {
  const options = { directory: checkpointDirectory(run, step), ...checkpointContent(step, edition) };
  if (edition === 1) await saveCheckpoint(options);
  else saveInHalves(options);
};

function dieBeforeChange(fatalChange: number): void {
  let changes = 0;
  function die(): never {
    process.kill(process.pid, "SIGKILL");
    throw new Error("unreachable");
  }
  // Changes survive the death of a process, fsynced or not.
  fs.fsyncSync = () => undefined;
  const { writeSync } = fs;
  fs.writeSync = ((descriptor: number, bytes: Uint8Array, offset: number, length: number) => {
    if (changes++ !== fatalChange) return writeSync(descriptor, bytes, offset, length);
    writeSync(descriptor, bytes, offset, length >> 1);
    return die();
  }) as typeof fs.writeSync;
  const { rmSync } = fs;
  fs.rmSync = (path, options) => {
    if (changes++ !== fatalChange) return rmSync(path, options);
    if (fs.existsSync(path)) for (const name of fs.readdirSync(path).slice(1)) rmSync(join(String(path), name));
    return die();
  };
  function wrap<Name extends "openSync" | "mkdirSync" | "renameSync">(name: Name): void {
    const original = fs[name] as (...values: unknown[]) => unknown;
    fs[name] = ((...values: unknown[]) => {
      const isChange = name !== "openSync" || values[1] === "w";
      return isChange && changes++ === fatalChange ? die() : original(...values);
    }) as (typeof fs)[Name];
  }
  for (const name of ["openSync", "mkdirSync", "renameSync"] as const) wrap(name);
  syncBuiltinESMExports();
}

function announce(step: number): void {
  fs.writeSync(1, `${step}\n`);
}

if (mode === "sequence") {
  dieBeforeChange(Number(fatal));
  await save(2);
  await save(2, 2);
  deleteCheckpoint(checkpointDirectory(run, 1));
} else if (mode === "newest") {
  for (let step = 1; ; step++) {
    await save(step);
    announce(step);
    for (const { directory } of listCheckpoints(run).slice(0, -1)) deleteCheckpoint(directory);
  }
} else {
  for (let step = (latestCheckpoint(run)?.step ?? 0) + 1; ; step++) {
    await save(step);
    announce(step);
    await save(step, 2);
    for (const { directory } of listCheckpoints(run).slice(0, -2)) deleteCheckpoint(directory);
  }
}
