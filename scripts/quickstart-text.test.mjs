/** Tests of the quickstart's text and of how it is split. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quickstartText, splitAtEnd } from "./quickstart-text.mjs";

const text = (documents) => documents.map((bytes) => bytes.toString("utf8"));
const split = (documents, bytes) => {
  const { kept, heldOut } = splitAtEnd(
    documents.map((document) => Buffer.from(document)),
    bytes,
  );
  return [text(kept), text(heldOut)];
};

describe("splitAtEnd", () => {
  it("splits off the last bytes, within a document or between two", () => {
    assert.deepEqual(split(["one", "two", "three"], 4), [["one", "two", "t"], ["hree"]]);
    assert.deepEqual(split(["one", "two", "three"], 5), [["one", "two"], ["three"]]);
    assert.deepEqual(split(["one", "two", "three"], 7), [
      ["one", "t"],
      ["wo", "three"],
    ]);
  });

  it("never splits a character", () => {
    assert.deepEqual(split(["a€b"], 3), [["a€"], ["b"]]);
    assert.deepEqual(split(["a€b"], 4), [["a"], ["€b"]]);
  });
});

describe("quickstartText", () => {
  it("is all of the text, 300 kB of it held out", () => {
    const { speeches, heldOut, mobyDick } = quickstartText();
    const size = (documents) => documents.reduce((sum, { length }) => sum + length, 0);
    assert.equal(size(heldOut), 300_000);
    assert.equal(size(speeches), 10_461_413);
    assert.equal(mobyDick.length, 1_204_997);
    const joined = Buffer.concat([...speeches, ...heldOut]).toString("utf8");
    assert.ok(joined.startsWith("Fellow-Citizens of the Senate"));
    assert.ok(!joined.includes("\ufffd"));
  });
});
