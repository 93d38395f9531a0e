/** Opens pages in a browser, keeps what they complain of, and lets axe look at them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A directory to keep screenshots in, to look at. */
const SCREENSHOTS = process.env.MEGATRON_SCREENSHOTS;

/** Width of a narrow screen, in CSS pixels. */
const NARROW = 360;

/** A page that is open. */
export interface OpenPage {
  page: Page;
  /** Errors of its scripts and of its console. */
  errors: string[];
  /**
   * Expects axe to find nothing in both colour schemes, and takes a screenshot of each.
   * @param parts selectors of what axe looks at, of long pages with parts that are alike. Default: the page
   */
  inspect(name: string, parts?: readonly string[]): Promise<void>;
  /** The same on a narrow screen, which the page must fit. */
  inspectNarrow(name: string): Promise<void>;
}

/** Opens an empty page. */
export async function openPage(browser: Browser): Promise<OpenPage> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  async function inspect(name: string, parts?: readonly string[]) {
    const context = parts === undefined ? "document" : JSON.stringify({ include: parts.map((part) => [part]) });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      if (SCREENSHOTS !== undefined) {
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}.png`), fullPage: true });
      }
      // The policy of the page lets no script in but its own; tools may evaluate.
      await page.evaluate(axe);
      const { violations } = await page.evaluate<AxeResults>(`axe.run(${context})`);
      const found = violations.map(({ id, nodes }) => `${name} ${colorScheme}: ${id} at ${nodes[0]!.html}`);
      expect(found).toEqual([]);
    }
  }
  return {
    page,
    errors,
    inspect,
    async inspectNarrow(name) {
      const before = page.viewportSize();
      await page.setViewportSize({ width: NARROW, height: 740 });
      await inspect(name);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      if (before) await page.setViewportSize(before);
    },
  };
}
