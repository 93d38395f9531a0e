/**
 * The quickstart's text, in the public domain: State of the Union addresses and Moby Dick, from their npm packages. The
 * last 300 kB of the speeches are held out.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const HELD_OUT_BYTES = 300_000;

const library = (name) => join(root, "node_modules/@stdlib", name, "data");

/** The bytes of every speech, in chronological order. */
function readSpeeches() {
  const directory = library("datasets-sotu");
  const names = readdirSync(directory).filter((name) => name.endsWith(".txt"));
  return names.sort().map((name) => readFileSync(join(directory, name)));
}

/**
 * Splits the last `bytes` bytes off a list of documents, or up to three fewer so as not to split a character.
 * @returns the documents before and after the split; a document that is split is in both, in part
 */
export function splitAtEnd(documents, bytes) {
  let before = documents.reduce((sum, { length }) => sum + length, 0) - bytes;
  const kept = [];
  const heldOut = [];
  for (const document of documents) {
    let cut = Math.min(Math.max(before, 0), document.length);
    while (cut < document.length && (document[cut] & 0xc0) === 0x80) cut++;
    if (cut > 0) kept.push(document.subarray(0, cut));
    if (cut < document.length) heldOut.push(document.subarray(cut));
    before -= document.length;
  }
  return { kept, heldOut };
}

/** The training text and the held-out text, as bytes. */
export function quickstartText() {
  const { kept, heldOut } = splitAtEnd(readSpeeches(), HELD_OUT_BYTES);
  return { speeches: kept, heldOut, mobyDick: readFileSync(join(library("datasets-moby-dick"), "data.txt")) };
}

/** Writes `text/` and `held-out.jsonl` for `megatron start`, with one document for each speech. */
export function writeQuickstartText(directory) {
  const { speeches, heldOut, mobyDick } = quickstartText();
  const lines = (documents) =>
    documents.map((bytes) => `${JSON.stringify({ text: bytes.toString("utf8") })}\n`).join("");
  mkdirSync(join(directory, "text"), { recursive: true });
  writeFileSync(join(directory, "text/speeches.jsonl"), lines(speeches));
  writeFileSync(join(directory, "text/moby-dick.txt"), mobyDick);
  writeFileSync(join(directory, "held-out.jsonl"), lines(heldOut));
}
