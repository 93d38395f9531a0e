/**
 * A dataset that exists on no disk, for plans of runs whose text may not be prepared yet: documents of sentences, or pairs of
 * texts, of ids that every vocabulary has. Its samples have the shapes of any text's.
 */
import type { Dataset } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** How the text is divided, in tokens. */
interface Division {
  sequenceLength: number;
  sequencesPerDocument: number;
  /** At least as many in all. */
  tokens: number;
}

/** Text of a tokenizer's ordinary ids. */
export function standInDocuments(
  tokenizer: Tokenizer,
  { sequenceLength, sequencesPerDocument, tokens }: Division,
): Dataset {
  const special = new Set(tokenizer.specialTokens.values());
  const ordinary = Int32Array.from({ length: tokenizer.vocabularySize }, (_, id) => id).filter(
    (id) => !special.has(id),
  );
  const documents = Math.max(2, Math.ceil(tokens / (sequenceLength * sequencesPerDocument)));
  const sequences = documents * sequencesPerDocument;
  const fill = (start: number, target: Int32Array) => {
    for (let i = 0; i < target.length; i++) target[i] = ordinary[((start + i) * 7919) % ordinary.length]!;
    return target;
  };
  return {
    prefix: "stand-in text",
    type: "i32",
    sequences,
    documents,
    tokens: sequences * sequenceLength,
    lengths: new Int32Array(sequences).fill(sequenceLength),
    sidecar: undefined,
    firstSequenceOf: (document) => document * sequencesPerDocument,
    startOf: (sequence) => sequence * sequenceLength,
    read: (sequence, { offset = 0, length = sequenceLength - offset } = {}) =>
      fill(sequence * sequenceLength + offset, new Int32Array(length)),
    readStream: (start, target) => void fill(start, target),
    readRaw: (sequence) => fill(sequence * sequenceLength, new Int32Array(sequenceLength)),
    documentsOf: () => ({ start: 0, end: documents }),
    close() {},
  };
}
