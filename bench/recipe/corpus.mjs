/** Texts as datasets with a BPE vocabulary of a given size; by default the quickstart's: what `npm start` trains on. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { saveTokenizer } from "@megatron-ts/tokenizer/files";
import { quickstartText } from "../../scripts/quickstart-text.mjs";

const endOfText = "<|endoftext|>";

/**
 * Writes `tokenizer`, `training`, `held-out` and `counts.json` into the directory, unless they are there.
 * @param options.texts `{ training, heldOut }`, lists of documents. Default: the quickstart's
 */
export async function writeCorpus(directory, { vocabularySize, texts }) {
  const counts = join(directory, "counts.json");
  if (existsSync(counts)) return;
  mkdirSync(directory, { recursive: true });
  const { training, heldOut } = texts ?? quickstartTexts();
  const json = await trainBpe(training, { vocabularySize, specialTokens: [endOfText] });
  await saveTokenizer(json, join(directory, "tokenizer"));
  const tokenizer = await createTokenizer(json);
  write("training", training);
  const tokens = write("held-out", heldOut);
  const bytes = heldOut.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  writeFileSync(counts, JSON.stringify({ tokens, bytes }));

  function write(name, documents) {
    const writer = createIndexedDatasetWriter(join(directory, name), { type: "u16" });
    let total = 0;
    for (const document of documents) {
      const ids = [...tokenizer.encode(document, { addSpecialTokens: false }), tokenizer.endOfText];
      writer.addDocument(ids, [ids.length]);
      total += ids.length;
    }
    writer.finish();
    return total;
  }
}

function quickstartTexts() {
  const { speeches, heldOut, mobyDick } = quickstartText();
  const decode = (documents) => documents.map((bytes) => bytes.toString("utf8"));
  return { training: decode([...speeches, mobyDick]), heldOut: decode(heldOut) };
}

/** The number of tokens and bytes of the held-out text. */
export const countsOf = (directory) => JSON.parse(readFileSync(join(directory, "counts.json"), "utf8"));
