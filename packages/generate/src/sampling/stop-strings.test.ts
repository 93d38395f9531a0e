import { describe, expect, it } from "vitest";
import { createStopMatcher } from "./stop-strings.ts";

describe("createStopMatcher", () => {
  it("holds back a partial match and releases it if it does not complete", () => {
    const matcher = createStopMatcher(["END", "\n\n"]);
    expect(matcher.push("the E")).toEqual({ text: "the ", stopped: false });
    expect(matcher.push("N")).toEqual({ text: "", stopped: false });
    expect(matcher.push("ormous\n")).toEqual({ text: "ENormous", stopped: false });
    expect(matcher.flush()).toBe("\n");
  });

  it("stops at the first complete stop string, across pieces", () => {
    const matcher = createStopMatcher(["END", "stop"]);
    expect(matcher.push("a st")).toEqual({ text: "a ", stopped: false });
    expect(matcher.push("op and END")).toEqual({ text: "", stopped: true });
  });
});
