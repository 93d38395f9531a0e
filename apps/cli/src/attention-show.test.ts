import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-attention-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const show = (...argv: string[]) => megatron("attention", "show", ...argv);

describe("megatron attention show", () => {
  it("draws a layout in the width of the terminal", async () => {
    const { code, stdout } = await show("--layout", "local-blocks", "--block-size", "16", "--length", "64", "--no-svg");
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(lines.slice(0, 32).every((line) => line.length === 64)).toBe(true);
    expect(lines[0]).toBe(`▓▓${"··".repeat(31)}`);
    expect(lines[31]).toBe(`${"··".repeat(16)}${"██".repeat(15)}▓▓`);
    expect(stdout).toMatch(/1,312 pairs, 32\.0% of all/);
  });

  it("shows the cells, pairs and blocks as JSON", async () => {
    const shown = await megatronJson<{ cells: number[][] }>(
      ...["attention", "show", "--layout", "local", "--window", "1", "--length", "3", "--no-svg"],
    );
    expect(shown).toMatchObject({ layout: "local", window: 1, pairs: 3, blocks: 1, masks: 1, causal: true, svg: null });
    expect(shown.cells).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
  });

  it("writes an SVG of it", async () => {
    const file = join(directory, "bigbird.svg");
    const { code, stderr } = await show("--layout", "bigbird", "--bidirectional", "--svg", file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `drawn in ${file}\n` });
    const svg = readFileSync(file, "utf8");
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/);
    expect(svg).toContain("<title>bigbird, 512 tokens, bidirectional: ");
    expect(svg.match(/<path d="M/g)?.length).toBeGreaterThanOrEqual(1);
  });

  it.each<[string[], RegExp]>([
    [["--layout", "local", "--window", "0"], /^error: window: expected a number above 0; got 0$/m],
    [["--layout", "local", "--global-tokens", "600"], /^error: globalTokens: expected a list.*; got 600$/m],
    [["--layout", "nearby"], /^error: layout: expected .*local.*; got "nearby"$/m],
    [["--layout", "local", "--stride", "3"], /^error: stride: no option of this layout/],
    [["--layout", "local", "--global-tokens", "[512]"], /^error: globalTokens: .*512/],
    [["--layout", "bslongformer", "--global-blocks", "[[0, 9]]"], /^error: globalBlocks: .*block 8/],
    [["--layout", "bigbird", "--block-size", "48"], /^error: blockSize: .*64/],
    [["--layout", "strided", "--heads", "near"], /^error: heads: /],
    [["--layout", "variable", "--local-blocks", "[1"], /^error: localBlocks: /],
    [["--layout", "bigbird", "--last-global"], /^error: lastGlobal: /],
    [["--layout", "bigbird", "--length", "0"], /^error: .*--length/],
  ])("%j is one line and exit code 2", async (argv, message) => {
    const { code, stdout, stderr } = await show(...argv, "--svg", join(directory, "never.svg"));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(directory, "never.svg"))).toBe(false);
  });
});
