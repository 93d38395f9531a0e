/**
 * The quickstart's text: State of the Union addresses and Moby Dick, out of their npm packages (public domain). The last
 * 300 kB of the speeches are held out.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const HELD_OUT_BYTES = 300_000;

const library = (name) => join(root, "node_modules/@stdlib", name, "data");

/** Every speech as its bytes, in the order of the years. */
function readSpeeches() {
  const directory = library("datasets-sotu");
  const names = readdirSync(directory).filter((name) => name.endsWith(".txt"));
  return names.sort().map((name) => readFileSync(join(directory, name)));
}

/**
 * Cuts documents so that the last `bytes` bytes of them all are apart, at most three fewer where a character begins.
 * @returns the documents before and after the cut; the one it goes through is in both, in part
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

/** What is trained on and what is held out, as bytes. */
export function quickstartText() {
  const { kept, heldOut } = splitAtEnd(readSpeeches(), HELD_OUT_BYTES);
  return { speeches: kept, heldOut, mobyDick: readFileSync(join(library("datasets-moby-dick"), "data.txt")) };
}

/** Writes the text as files that `megatron prepare` reads: a speech is a document. */
export function writeQuickstartText(directory) {
  const { speeches, heldOut, mobyDick } = quickstartText();
  const lines = (documents) =>
    documents.map((bytes) => `${JSON.stringify({ text: bytes.toString("utf8") })}\n`).join("");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "speeches.jsonl"), lines(speeches));
  writeFileSync(join(directory, "held-out.jsonl"), lines(heldOut));
  writeFileSync(join(directory, "moby-dick.txt"), mobyDick);
}
