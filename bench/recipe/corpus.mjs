/** The quickstart's text as datasets with a BPE vocabulary of a given size: what `npm start` trains and is scored on. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { saveTokenizer } from "@megatron-ts/tokenizer/files";
import { quickstartText } from "../../scripts/quickstart-text.mjs";

const endOfText = "<|endoftext|>";

/** Writes `tokenizer`, `training`, `held-out` and `counts.json` into the directory, unless they are there. */
export async function writeCorpus(directory, { vocabularySize }) {
  const counts = join(directory, "counts.json");
  if (existsSync(counts)) return;
  mkdirSync(directory, { recursive: true });
  const { speeches, heldOut, mobyDick } = quickstartText();
  const texts = [...speeches, mobyDick].map((bytes) => bytes.toString("utf8"));
  const json = await trainBpe(texts, { vocabularySize, specialTokens: [endOfText] });
  await saveTokenizer(json, join(directory, "tokenizer"));
  const tokenizer = await createTokenizer(json);
  write("training", texts);
  const tokens = write(
    "held-out",
    heldOut.map((bytes) => bytes.toString("utf8")),
  );
  writeFileSync(counts, JSON.stringify({ tokens, bytes: heldOut.reduce((sum, { length }) => sum + length, 0) }));

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

/** The number of tokens and bytes of the held-out text. */
export const countsOf = (directory) => JSON.parse(readFileSync(join(directory, "counts.json"), "utf8"));
