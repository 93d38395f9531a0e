/** A headless Chromium of the machine, and pages in it. Nothing is downloaded; tests that need it are skipped where there is none. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where a Chromium is; undefined without one. */
export const chromiumPath = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Starts the browser. It reaches nothing but this machine. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
    ],
  });

/** Builds the page into a temporary directory. */
export async function buildPage(): Promise<{ directory: string; remove(): void }> {
  const directory = mkdtempSync(join(tmpdir(), "megatron-page-"));
  const root = fileURLToPath(new URL("../../ui", import.meta.url));
  await build({ root, configFile: join(root, "vite.config.ts"), logLevel: "error", build: { outDir: directory } });
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
