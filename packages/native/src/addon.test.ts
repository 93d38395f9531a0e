/** Platform packages as a release writes them, installed next to the package that loads them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAddon, loadAddon } from "./addon.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const platforms = [
  ["linux-x64-gnu", ["linux"], ["x64"], ["glibc"]],
  ["linux-x64-musl", ["linux"], ["x64"], ["musl"]],
  ["linux-arm64-gnu", ["linux"], ["arm64"], ["glibc"]],
  ["linux-arm64-musl", ["linux"], ["arm64"], ["musl"]],
  ["darwin-x64", ["darwin"], ["x64"], undefined],
  ["darwin-arm64", ["darwin"], ["arm64"], undefined],
  ["win32-x64-msvc", ["win32"], ["x64"], undefined],
] as const;

const built = loadAddon();
const { name, version } = JSON.parse(readFileSync(path("../package.json"), "utf8")) as {
  name: string;
  version: string;
};
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "megatron-native-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const write = (...args: string[]) =>
  execFileSync(process.execPath, [path("../scripts/write-platform-packages.mjs"), ...args], { stdio: "pipe" });

/** URL of the loading package's module if it were installed below `directory`. */
const moduleIn = (directory: string) =>
  pathToFileURL(join(home, directory, "node_modules", name, "dist", "index.js")).href;

describe("platform packages", () => {
  it("are written for each platform, as optional dependencies of the published package only", () => {
    const binaries = join(home, "binaries");
    mkdirSync(binaries);
    for (const [platform] of platforms) writeFileSync(join(binaries, `megatron-native.${platform}.node`), platform);
    const manifest = join(home, "package.json");
    writeFileSync(manifest, readFileSync(path("../package.json")));
    const output = join(home, "npm");
    write("--binaries", binaries, "--output", output, "--manifest", manifest);

    expect(readdirSync(output).sort()).toEqual(platforms.map(([platform]) => platform).sort());
    for (const [platform, os, cpu, libc] of platforms) {
      const file = `megatron-native.${platform}.node`;
      expect(readFileSync(join(output, platform, file), "utf8")).toBe(platform);
      const written = JSON.parse(readFileSync(join(output, platform, "package.json"), "utf8")) as object;
      expect(written).toMatchObject({ name: `${name}-${platform}`, version, os, cpu, main: file, files: [file] });
      expect((written as { libc?: string[] }).libc).toEqual(libc);
    }
    const published = JSON.parse(readFileSync(manifest, "utf8")) as { optionalDependencies: object };
    expect(published.optionalDependencies).toEqual(
      Object.fromEntries(platforms.map(([platform]) => [`${name}-${platform}`, version])),
    );
    expect(readFileSync(path("../package.json"), "utf8")).not.toContain("optionalDependencies");
  });

  it("are not written if a binary is missing", () => {
    const binaries = join(home, "incomplete");
    mkdirSync(binaries);
    const attempt = () => write("--binaries", binaries, "--output", join(home, "none"), "--platform", "darwin-x64");
    expect(attempt).toThrow(/incomplete.*megatron-native\.darwin-x64\.node/);
  });

  it.skipIf("reason" in built)("are found where they are installed", () => {
    if ("reason" in built) return;
    const platform = basename(built.path).split(".")[1]!;
    const installed = join(home, "installed", "node_modules", `${name}-${platform}`);
    const output = join(home, "installed", "npm");
    write("--binaries", dirname(built.path), "--output", output, "--platform", platform);
    mkdirSync(dirname(installed), { recursive: true });
    renameSync(join(output, platform), installed);

    const found = findAddon(moduleIn("installed"));
    if ("reason" in found) throw new Error(found.reason);
    expect(found.path).toBe(join(installed, `megatron-native.${platform}.node`));
    expect(found.addon.kinds()).toEqual(built.addon.kinds());
    const engine = new found.addon.Engine(2);
    const total = engine.reduce(0, engine.fill(0, 1000, 0.5), 1, 1000, 1);
    expect([...new Float32Array(engine.read(total))]).toEqual([500]);
  });

  it("are named in one line if they are missing or broken", () => {
    const none = findAddon(moduleIn("empty"));
    expect(none).toEqual({ reason: expect.stringMatching(/^no prebuilt binary for \S+/) });
    const platform = /no prebuilt binary for (\S+)/.exec((none as { reason: string }).reason)![1]!;
    const broken = join(home, "broken", "node_modules", `${name}-${platform}`);
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, "package.json"), JSON.stringify({ main: "addon.node" }));
    writeFileSync(join(broken, "addon.node"), "not a library");
    expect(findAddon(moduleIn("broken"))).toEqual({
      reason: expect.stringMatching(new RegExp(`^${name}-${platform} .*addon\\.node`)),
    });
  });
});
