import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeSystemError, isUserError } from "./system-error.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-errors-"));
const file = join(directory, "file");
writeFileSync(file, "");
afterAll(() => rmSync(directory, { recursive: true }));

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
const withCode = (code: string, more: object = {}, message = code) =>
  Object.assign(new Error(message), { code, ...more });

describe("describeSystemError", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["ENOENT", () => readFileSync(join(directory, "none")), /no such file/],
    ["EISDIR", () => readFileSync(directory), /is a directory/],
    ["ENOTDIR", () => readdirSync(file), /not a directory/],
    ["EEXIST", () => writeFileSync(file, "", { flag: "wx" }), /^already exists/],
    ["EEXIST", () => mkdirSync(file), /a file with that name/],
    ["ENOENT", () => mkdirSync(join(directory, "none", "x")), /cannot create/],
    ["ENAMETOOLONG", () => readFileSync(join(directory, "x".repeat(5000))), /too long/],
  ])("explains a real %s as the user's", (code, action, reason) => {
    expect(describeSystemError(thrownBy(action))).toEqual({
      code,
      reason: expect.stringMatching(reason),
      userError: true,
    });
  });

  it.each(["ENOSPC", "EDQUOT", "EIO", "EMFILE"])("blames the machine for %s", (code) => {
    expect(describeSystemError(withCode(code))).toMatchObject({ code, userError: false });
  });

  it("takes Node's own words for an errno that it does not know", () => {
    const stale = withCode("ESTALE", { syscall: "open" }, "ESTALE: stale file handle, open '/mnt/x'");
    expect(describeSystemError(stale)).toEqual({ code: "ESTALE", reason: "stale file handle", userError: false });
  });

  it("leaves everything else alone", () => {
    const others = [new Error("x"), withCode("ERR_INVALID_ARG_TYPE"), withCode("toString"), { code: "ENOENT" }, null];
    for (const other of others) expect(describeSystemError(other)).toBeUndefined();
  });
});

describe("isUserError", () => {
  it("looks at the mark", () => {
    const marked = (userError: unknown) => Object.assign(new Error("x"), { userError });
    expect([marked(true), marked(false), marked("yes"), new Error("x"), { userError: true }].map(isUserError)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
