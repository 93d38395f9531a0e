/**
 * Prepares what every family trains on: the quickstart's speeches as two datasets of documents split into sentences, and one
 * tokenizer with the special tokens of all families.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { saveTokenizer } from "@megatron-ts/tokenizer/files";
import { quickstartText } from "../../scripts/quickstart-text.mjs";

const specialTokens = ["<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"];
const sentinels = Array.from({ length: 32 }, (_, i) => `<extra_id_${i}>`);

/** Writes `tokenizer`, `training` and `held-out` into a temporary directory; `remove` deletes it. */
export async function writeCorpus({ vocabularySize }) {
  const directory = mkdtempSync(join(tmpdir(), "megatron-bench-"));
  const { speeches, heldOut } = quickstartText();
  const texts = speeches.map((bytes) => bytes.toString("utf8"));
  const json = await trainBpe(texts, { vocabularySize, specialTokens: [...specialTokens, ...sentinels] });
  await saveTokenizer(json, join(directory, "tokenizer"));
  const tokenizer = await createTokenizer(json);
  write("training", texts);
  write(
    "held-out",
    heldOut.map((bytes) => bytes.toString("utf8")),
  );

  /** Every paragraph is a document, split into sentences at full stops, question and exclamation marks. */
  function write(name, documents) {
    const writer = createIndexedDatasetWriter(join(directory, name), { type: "u16" });
    for (const paragraph of documents.flatMap((text) => text.split(/\n\s*\n/))) {
      const sentences = paragraph
        .split(/(?<=[.!?]\s)/)
        .map((sentence) => tokenizer.encode(sentence, { addSpecialTokens: false }))
        .filter(({ length }) => length > 0);
      if (sentences.length === 0) continue;
      const last = sentences.length - 1;
      sentences[last] = Int32Array.from([...sentences[last], tokenizer.endOfText]);
      writer.addDocument(
        sentences.flatMap((ids) => [...ids]),
        sentences.map(({ length }) => length),
      );
    }
    writer.finish();
  }
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
