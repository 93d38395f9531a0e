/** A few damaged files for every parser; `pnpm fuzz` has as many as one likes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runNode } from "./workspace.mjs";

describe("damaged files", () => {
  it("are read, or refused in one line, by every parser", async () => {
    const fuzz = fileURLToPath(new URL("fuzz.mjs", import.meta.url));
    const { code, stdout } = await runNode([fuzz, "--cases", "30", "--seed", "1"], { capture: true });
    console.log(stdout.slice(0, stdout.indexOf("\n")));
    assert.equal(code, 0, stdout);
    const cases = [...stdout.matchAll(/^[\w-]+: (\d+) cases/gm)].map(([, count]) => Number(count));
    assert.ok(cases.length > 30 && cases.every((count) => count === 30), stdout);
  });
});
