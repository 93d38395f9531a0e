/** A tokenizer without text, for plans of models whose tokenizer is not trained yet: its size and every special token. */
import { specialTokenNames, type Tokenizer } from "@megatron-ts/tokenizer";

/** T5 has as many. */
const SENTINELS = 100;

/** A tokenizer of as many ids, the first of which are special tokens of every kind. Throws an Error for any text. */
export function standInTokenizer(vocabularySize: number): Tokenizer {
  const names = [
    ...Object.values(specialTokenNames).map(([name]) => name!),
    ...Array.from({ length: SENTINELS }, (_, i) => `<extra_id_${i}>`),
  ];
  const specialTokens = new Map([...new Set(names)].slice(0, vocabularySize - 1).map((name, id) => [name, id]));
  const hasNoText = () => {
    throw new Error("a stand-in tokenizer has no text");
  };
  return {
    vocabularySize,
    specialTokens,
    endOfText: 0,
    fingerprint: "stand-in",
    json: { model: { type: "BPE" } } as Tokenizer["json"],
    encode: hasNoText,
    encodeInto: hasNoText,
    decode: hasNoText,
    createDecoder: hasNoText,
    tokenToId: (token) => specialTokens.get(token),
    idToToken: (id) => (id >= 0 && id < vocabularySize ? `token${id}` : undefined),
  };
}
