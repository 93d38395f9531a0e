import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createTerminal } from "./terminal.ts";

function openTerminal(environment: Record<string, string> = {}, isTTY = true) {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100, getWindowSize: () => [100, 30] });
  let seen = "";
  stderr.on("data", (chunk) => {
    seen += chunk;
  });
  const terminal = createTerminal({ stdout: { write() {} }, stderr, environment });
  return { terminal, seen: () => seen };
}

const ESCAPE = "\u001b";

describe("terminal", () => {
  it("shows a progress bar on a terminal, and logged lines above it", () => {
    const { terminal, seen } = openTerminal();
    const bar = terminal.progress("training");
    bar.update(0.25, "loss 5.000");
    terminal.log("step 5");
    expect(seen()).toContain("training ██████░░░░░░░░░░░░░░░░░░ 25% | loss 5.000");
    expect(seen()).toMatch(/step 5\n.*training █/s);
    bar.stop();
    const before = seen();
    terminal.log("after");
    expect(seen().slice(before.length)).toBe("after\n");
  });

  it("writes plain lines elsewhere, without bars or colors", () => {
    for (const { terminal, seen } of [openTerminal({}, false), openTerminal({ TERM: "dumb" })]) {
      const bar = terminal.progress("training");
      bar.update(0.5, "half");
      terminal.log(terminal.paint("red", "error:"));
      bar.stop();
      expect(seen()).toBe("error:\n");
    }
  });

  it("has colors unless NO_COLOR is set", () => {
    expect(openTerminal().terminal.paint("red", "x")).toBe(`${ESCAPE}[31mx${ESCAPE}[0m`);
    expect(openTerminal({ NO_COLOR: "1" }).terminal.paint("red", "x")).toBe("x");
  });
});
