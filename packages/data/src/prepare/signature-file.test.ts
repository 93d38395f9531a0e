import { existsSync, statSync, truncateSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { minHashSignature } from "../steps/minhash.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { openSignatures, removeSignatures } from "./signature-file.ts";

const path = temporaryDirectory();
const texts = ["one two three", "", "four five six seven eight nine", "ten"];

/** The signatures of texts, and which of them were computed. */
function run(prefix: string, documents: readonly string[]) {
  const computed: string[] = [];
  const file = openSignatures(path(prefix), (text) => {
    computed.push(text);
    return minHashSignature(text);
  });
  const signatures = documents.map((text) => file.signatureOf(text));
  file.close();
  return { computed, signatures };
}

describe("the signatures of a run that was interrupted", () => {
  it("are read instead of computed, and go on where they end", () => {
    expect(run("a", texts.slice(0, 3)).computed).toEqual(texts.slice(0, 3));
    const resumed = run("a", texts);
    expect(resumed.computed).toEqual(["ten"]);
    expect(resumed.signatures).toEqual(texts.map(minHashSignature));
    expect(run("a", texts).computed).toEqual([]);
    removeSignatures(path("a"));
    expect(existsSync(path("a.signatures.partial"))).toBe(false);
  });

  it("are computed from where the text differs, or a record is incomplete", () => {
    run("b", texts);
    expect(run("b", [texts[0]!, "another", ...texts.slice(2)]).computed).toEqual(["another", ...texts.slice(2)]);
    const file = path("b.signatures.partial");
    truncateSync(file, statSync(file).size - 1);
    expect(run("b", [texts[0]!, "another", ...texts.slice(2)]).computed).toEqual(["ten"]);
  });
});
