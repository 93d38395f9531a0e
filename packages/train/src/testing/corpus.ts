/** A dataset of sentences and its tokenizer, with the markers that every objective needs. For tests. */
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";

const specialTokens = [
  ...["<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"],
  ...Array.from({ length: 20 }, (_, i) => `<extra_id_${i}>`),
];

/**
 * Writes documents of sentences, each a sequence.
 * @param options.endDocuments puts the end token behind the last sentence of each
 * @returns the tokenizer, and the ids of each document
 */
export async function writeCorpus(
  prefix: string,
  { documents, endDocuments = false }: { documents: readonly (readonly string[])[]; endDocuments?: boolean },
): Promise<{ tokenizer: Tokenizer; ids: number[][] }> {
  const tokenizer = await createTokenizer(await trainBpe(documents.flat(), { vocabularySize: 320, specialTokens }));
  const writer = createIndexedDatasetWriter(prefix, { type: "u16" });
  const ids = documents.map((sentences) => {
    const sequences = sentences.map((sentence) => [...tokenizer.encode(sentence, { addSpecialTokens: false })]);
    if (endDocuments) sequences.at(-1)!.push(tokenizer.endOfText!);
    writer.addDocument(
      sequences.flat(),
      sequences.map(({ length }) => length),
    );
    return sequences.flat();
  });
  writer.finish();
  return { tokenizer, ids };
}
