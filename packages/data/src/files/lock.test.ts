/** Locks of files; MEGATRON_LOCK_TRIES=3000 makes the processes that compete for a lock of a killed process try longer. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { buildEntries } from "../testing/build.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { takeLock } from "./lock.ts";

const TRIES = Number(process.env.MEGATRON_LOCK_TRIES ?? 60);

const path = temporaryDirectory();
const refuse = (holder: string) => new Error(`held by ${holder}`);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process that does nothing. */
function idle(): ChildProcess {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  children.push(child);
  return child;
}

const { pid: ended } = spawnSync(process.execPath, ["-e", ""]);
/** A lock of a process that has ended, each another one. */
const deadLock = (began: string) => JSON.stringify({ host: hostname(), process: ended, began });
/** What a process claims first that takes over this lock. */
const claimOf = (lock: string, content: string) =>
  `${lock}.${createHash("sha256").update(content).digest("hex").slice(0, 32)}`;

const leftIn = (directory: string) => readdirSync(path(directory));

describe("takeLock", () => {
  it("has one holder at a time, and is released", () => {
    const release = takeLock(path("new/directory/lock"), { refuse });
    expect(() => takeLock(path("new/directory/lock"), { refuse })).toThrow(`held by process ${process.pid}`);
    release();
    expect(leftIn("new/directory")).toEqual([]);
    takeLock(path("new/directory/lock"), { refuse })();
  });

  it("is refused while its holder is alive, and taken over when it was killed", async () => {
    const child = idle();
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const began = process.platform === "linux" ? statOf(child.pid!) : null;
    writeFileSync(path("lock"), JSON.stringify({ host: hostname(), process: child.pid, began }));
    expect(() => takeLock(path("lock"), { refuse })).toThrow(`held by process ${child.pid}`);
    child.kill("SIGKILL");
    await ended;
    takeLock(path("lock"), { refuse });
    expect(JSON.parse(readFileSync(path("lock"), "utf8"))).toMatchObject({ host: hostname(), process: process.pid });
  });

  it("is taken over if it is incomplete, or of a reused process id", () => {
    const leftovers = ["", "{", "7"];
    const began = statOf(process.pid);
    if (began) leftovers.push(JSON.stringify({ host: hostname(), process: process.pid, began: "1" }));
    for (const leftover of leftovers) {
      writeFileSync(path("left"), leftover);
      utimesSync(path("left"), 1, 1);
      takeLock(path("left"), { refuse })();
    }
  });

  it("is refused while it may be half written", () => {
    writeFileSync(path("young"), "");
    expect(() => takeLock(path("young"), { refuse })).toThrow("held by another process");
  });

  it("of another host is refused, unless it may be broken; the host then leaves the new one alone", () => {
    const release = takeLock(path("shared"), { refuse });
    const mine = JSON.parse(readFileSync(path("shared"), "utf8"));
    const elsewhere = [
      { host: "elsewhere" },
      ...(mine.machine ? [{ machine: "another" }, { namespace: "pid:[1]" }] : []),
    ];
    for (const difference of elsewhere) {
      writeFileSync(path("shared"), JSON.stringify({ ...mine, ...difference }));
      expect(() => takeLock(path("shared"), { refuse })).toThrow(/held by process \d+ on host .*--break-lock/);
      const releaseBroken = takeLock(path("shared"), { refuse, breakLock: true });
      release();
      expect(() => takeLock(path("shared"), { refuse, breakLock: true })).toThrow(`held by process ${process.pid}`);
      releaseBroken();
      expect(existsSync(path("shared"))).toBe(false);
    }
  });

  it.skipIf(!statOf(process.pid))("is taken over after a restart of the machine", () => {
    takeLock(path("restarted"), { refuse });
    const mine = JSON.parse(readFileSync(path("restarted"), "utf8"));
    writeFileSync(path("restarted"), JSON.stringify({ ...mine, boot: "an earlier one" }));
    takeLock(path("restarted"), { refuse })();
  });

  it("goes to exactly one of several processes, and leaves no file of those that were killed", async () => {
    const { process: entry } = await buildEntries({ process: "testing/lock-process.ts" }, path("built"));
    const lock = path("contended/lock");
    takeLock(lock, { refuse })();
    const takers = await Promise.all(Array.from({ length: 4 }, () => taker(fileURLToPath(entry), lock)));
    const holders: number[] = [];
    for (let i = 0; i < TRIES; i++) {
      // Nobody has held it; or a process that was killed; or one was killed while it took over from another.
      if (i % 3 > 0) writeFileSync(lock, deadLock(`${i}`));
      if (i % 3 > 1) writeFileSync(claimOf(lock, deadLock(`${i}`)), deadLock(`heir of ${i}`));
      const time = Date.now() + 3;
      const answers = await Promise.all(takers.map((ask) => ask(`take ${time}`)));
      holders.push(answers.filter((answer) => answer === "held").length);
      expect(answers.filter((answer) => answer !== "held" && answer !== "refused")).toEqual([]);
      await Promise.all(takers.map((ask) => ask("release")));
      expect(leftIn("contended")).toEqual([]);
    }
    expect(holders).toEqual(holders.map(() => 1));
  });
});

/** Starts a process that takes and releases a lock on demand. */
async function taker(entry: string, lock: string): Promise<(command: string) => Promise<string>> {
  const child = spawn(process.execPath, [entry, lock], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return async (command) => {
    child.stdin.write(`${command}\n`);
    return (await lines.next()).value;
  };
}

/** Start time of a process, read by another program than the code under test; null on other systems. */
function statOf(number: number): string | null {
  if (!existsSync(`/proc/${number}/stat`)) return null;
  const cut = spawnSync("cut", ["-d", " ", "-f", "22", `/proc/${number}/stat`], { encoding: "utf8" });
  return cut.stdout.trim();
}
