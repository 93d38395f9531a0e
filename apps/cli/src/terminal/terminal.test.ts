import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { escapeControls } from "./escape-controls.ts";
import { createTerminal } from "./terminal.ts";

const ESCAPE = "\u001b";

function openTerminal({
  environment = {},
  isTTY = true,
}: {
  environment?: Record<string, string>;
  isTTY?: boolean;
} = {}) {
  const output = { stdout: "", stderr: "" };
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100, getWindowSize: () => [100, 30] });
  stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const stdout = {
    isTTY,
    write(text: string) {
      output.stdout += text;
    },
  };
  return { terminal: createTerminal({ stdout, stderr, environment }), output };
}

describe("terminal", () => {
  it("shows a progress bar on a terminal, and logged lines above it", () => {
    const { terminal, output } = openTerminal();
    const bar = terminal.progress("training");
    bar.update(0.25, "loss 5.000");
    terminal.log("step 5");
    expect(output.stderr).toContain("training ██████░░░░░░░░░░░░░░░░░░ 25% | loss 5.000");
    expect(output.stderr).toMatch(/step 5\n.*training █/s);
    bar.stop();
    const before = output.stderr;
    terminal.log("after");
    expect(output.stderr.slice(before.length)).toBe("after\n");
  });

  it("writes plain lines elsewhere, without bars or colors", () => {
    for (const { terminal, output } of [
      openTerminal({ isTTY: false }),
      openTerminal({ environment: { TERM: "dumb" } }),
    ]) {
      const bar = terminal.progress("training");
      bar.update(0.5, "half");
      terminal.error("one\ntwo");
      bar.stop();
      expect(output.stderr).toBe("error: one\nerror: two\n");
    }
  });

  it("labels errors in red unless NO_COLOR is set", () => {
    for (const [environment, expected] of [
      [{}, `${ESCAPE}[31merror:${ESCAPE}[0m x\n`],
      [{ NO_COLOR: "1" }, "error: x\n"],
    ] as const) {
      const { terminal, output } = openTerminal({ environment });
      terminal.error("x");
      expect(output.stderr).toBe(expected);
    }
  });

  it("escapes control characters on a terminal only, in JSON everywhere", () => {
    const hostile = `a\tb\r${ESCAPE}]0;title\u0007\u007f\u009b2J`;
    for (const [isTTY, expected] of [
      [true, "a\tb\\x0d\\x1b]0;title\\x07\\x7f\\x9b2J"],
      [false, hostile],
    ] as const) {
      const { terminal, output } = openTerminal({ isTTY, environment: { NO_COLOR: "1" } });
      terminal.print(hostile);
      terminal.write(hostile);
      terminal.log(hostile);
      terminal.error(hostile);
      expect(output).toEqual({
        stdout: `${expected}\n${expected}`,
        stderr: `${expected}\nerror: ${expected}\n`,
      });
      output.stdout = "";
      terminal.json({ text: hostile });
      expect(escapeControls(output.stdout)).toBe(output.stdout);
      expect(JSON.parse(output.stdout)).toEqual({ text: hostile });
    }
  });
});
