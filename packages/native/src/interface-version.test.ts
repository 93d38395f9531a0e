/** The number by which JavaScript knows that an addon was built from its own sources. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { findAddon, loadAddon } from "./addon.ts";
import { INTERFACE_VERSION } from "./native-addon.ts";

const home = mkdtempSync(join(tmpdir(), "megatron-native-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What is found where the platform's package is this JavaScript: no second binary, of another version, can be built here. */
function find(name: string, source: string) {
  const module = pathToFileURL(join(home, name, "dist", "index.js")).href;
  const missing = findAddon(module);
  const platform = "reason" in missing && /for (\S+) is installed/.exec(missing.reason)![1];
  const directory = join(home, name, "node_modules", "@megatron-ts", `native-${platform}`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "index.js"), source);
  return findAddon(module);
}

describe("the version of the addon's interface", () => {
  it("is that of the sources", () => {
    const built = loadAddon();
    if ("addon" in built) expect(built.addon.interfaceVersion()).toBe(INTERFACE_VERSION);
    const fitting = find("fitting", `exports.interfaceVersion = () => ${INTERFACE_VERSION};`);
    expect(fitting).toHaveProperty("addon");
  });

  it.each([
    ["newer", `exports.interfaceVersion = () => ${INTERFACE_VERSION + 1};`, `interface ${INTERFACE_VERSION + 1}`],
    ["older", `exports.interfaceVersion = () => ${INTERFACE_VERSION - 1};`, `interface ${INTERFACE_VERSION - 1}`],
    ["unnumbered", "exports.Engine = class {};", "interface unknown"],
  ])("refuses an addon that is %s", (name, source, found) => {
    expect(find(name, source)).toEqual({ reason: expect.stringContaining(`built from other sources (${found}`) });
  });

  it("must be raised with the declarations, not with their comments and order", async () => {
    const { checkVersion } = (await import(new URL("../scripts/addon-types.mjs", import.meta.url).href)) as {
      checkVersion: (before: string, after: string) => void;
    };
    const types = (version: number, fields: string) =>
      `export const INTERFACE_VERSION = ${version};\n\nexport interface Call {\n${fields}\n}\n`;
    expect(() => checkVersion(types(1, "  a: number;"), types(1, "  a: number;\n  b: number;"))).toThrow(/raise/);
    expect(() => checkVersion(types(1, "  a: number;"), types(2, "  a: number;\n  b: number;"))).not.toThrow();
    expect(() => checkVersion(types(1, "  a: number;"), types(1, "  /** First. */\n  a: number;"))).not.toThrow();
    const method = (parameters: string) => types(1, `  run(${parameters}): void;\n  a: number;`);
    expect(() => checkVersion(method("x: A, y: B"), types(1, "  a: number;\n  run(x: A, y: B): void;"))).not.toThrow();
    expect(() => checkVersion(method("x: A, y: B"), method("y: B, x: A"))).toThrow(/raise/);
    const two = (first: string, second: string) => `${types(1, first)}export interface Other {\n${second}\n}\n`;
    expect(() => checkVersion(two("a: number;", "b: number;"), two("b: number;", "a: number;"))).toThrow(/raise/);
  });
});
