import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { takeLock } from "./lock.ts";

const path = temporaryDirectory();
const refuse = (process: number) => new Error(`held by ${process}`);

const idle = "setInterval(() => {}, 1000)";

describe("takeLock", () => {
  it("has one holder at a time, and is released", () => {
    const release = takeLock(path("new/directory/lock"), refuse);
    expect(() => takeLock(path("new/directory/lock"), refuse)).toThrow(`held by ${process.pid}`);
    release();
    expect(existsSync(path("new/directory/lock"))).toBe(false);
    takeLock(path("new/directory/lock"), refuse)();
  });

  it("is refused while its holder is alive, and taken over when it was killed", async () => {
    const child = spawn(process.execPath, ["-e", idle], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const began = process.platform === "linux" ? statOf(child.pid!) : null;
    writeFileSync(path("lock"), JSON.stringify({ host: hostname(), process: child.pid, began }));
    expect(() => takeLock(path("lock"), refuse)).toThrow(`held by ${child.pid}`);
    child.kill("SIGKILL");
    await ended;
    takeLock(path("lock"), refuse);
    expect(JSON.parse(readFileSync(path("lock"), "utf8"))).toMatchObject({ host: hostname(), process: process.pid });
  });

  it("is ignored if it is incomplete, of another machine, or of a reused process id", () => {
    const mine = { host: hostname(), process: process.pid, began: statOf(process.pid) };
    const leftovers = ["", "{", JSON.stringify({ ...mine, host: "elsewhere" })];
    if (mine.began !== null) leftovers.push(JSON.stringify({ ...mine, began: "1" }));
    for (const leftover of leftovers) {
      writeFileSync(path("left"), leftover);
      takeLock(path("left"), refuse)();
    }
  });
});

/** Start time of a process, read by another program than the code under test; null on other systems. */
function statOf(number: number): string | null {
  if (!existsSync(`/proc/${number}/stat`)) return null;
  const cut = spawnSync("cut", ["-d", " ", "-f", "22", `/proc/${number}/stat`], { encoding: "utf8" });
  return cut.stdout.trim();
}
