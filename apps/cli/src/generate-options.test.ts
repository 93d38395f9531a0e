/** What `megatron generate` may be asked for beside the usual sampling: patterns, biases, penalties; and values that it refuses. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path } = sandbox;
const asked = () => ["generate", path("runs/a"), "--prompt", "Call me"];
const textOf = async (...more: string[]) => (await megatronJson<{ text: string }>(...asked(), ...more)).text;

beforeAll(async () => {
  await prepareCorpus(sandbox);
  expect((await megatron("pretrain", sandbox.recipe("recipe.yaml", "runs/a"), "--train.steps", "2")).code).toBe(0);
  writeFileSync(path("schema.json"), '{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}');
  writeFileSync(path("broken.json"), "{");
});
afterAll(sandbox.remove);

describe("megatron generate", () => {
  it("writes what matches an expression, or JSON of a schema", async () => {
    expect(await textOf("--regex", "1[789][0-9]{2}")).toMatch(/^1[789][0-9]{2}$/);
    const json = JSON.parse(await textOf("--json-schema", path("schema.json"), "--max-tokens", "40")) as { a: boolean };
    expect(typeof json.a).toBe("boolean");
  });

  it("takes biases of tokens, and what leaves out unlikely ones or makes repeated ones less likely", async () => {
    const forced = await textOf("--max-tokens", "3", "--logit-bias", "70=1000", "71=-1000");
    expect(new Set(forced).size).toBe(1);
    const greedy = await textOf("--max-tokens", "12", "--temperature", "0");
    // Only the likeliest token is as likely as itself.
    expect(await textOf("--max-tokens", "12", "--min-p", "1")).toBe(greedy);
    const strong = ["--max-tokens", "6", "--temperature", "0", "--logit-bias", "70=100"];
    for (const penalty of ["--presence-penalty", "--frequency-penalty"]) {
      const [first, ...rest] = await textOf(...strong, penalty, "1000");
      expect(first).toBe(forced[0]);
      expect(rest.join("")).not.toContain(first);
    }
    expect(await textOf("--max-tokens", "4", "--typical-p", "0.5")).not.toBe("");
  });

  it("refuses values that it cannot use, in one line", async () => {
    for (const [options, message] of [
      [["--min-p", "2"], /min-p must be >= 0 and <= 1, got 2/],
      [["--typical-p", "0"], /typical-p must be > 0/],
      [["--logit-bias", "x=1"], /--logit-bias.*42=-100/],
      [["--logit-bias", "99999999=1"], /no token 99999999/],
      [["--regex", "("], /regular expression/],
      [["--regex", "a", "--json-schema", path("schema.json")], /--regex.*--json-schema/],
      [["--regex", "a", "--beams", "2"], /--regex does not apply to beam search/],
      [["--json-schema", path("broken.json")], /broken\.json: expected a JSON schema/],
      [["--json-schema", path("none.json")], /none\.json/],
    ] as const) {
      const { code, stdout, stderr } = await megatron(...asked(), ...options);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr.trim().split("\n").at(-1)).toMatch(message);
    }
  });
});
