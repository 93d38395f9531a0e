import { describe, expect, it } from "vitest";
import { nameOfRun } from "./name-of-run.ts";

describe("nameOfRun", () => {
  it.each([
    ["runs/x", "x"],
    ["runs/x/run", "x"],
    ["runs/x/run/", "x"],
    ["runs/x/run/step-00000100", "x"],
    ["runs/x/model/run", "x"],
    ["/run", "run"],
  ])("%s is %s", (path, name) => expect(nameOfRun(path)).toBe(name));
});
