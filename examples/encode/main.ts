/**
 * Encodes a text with a tokenizer: one you pass (a `tokenizer.json`, a SentencePiece `.model` or a directory with either), or a
 * small one trained here.
 *
 *     npm start -- "The text to encode" path/to/tokenizer.json
 */
import { trainBpe } from "@megatron-ts/tokenizer";
import { loadTokenizer, saveTokenizer } from "@megatron-ts/tokenizer/files";

const [text = "To be, or not to be: that is the question.", path = "tokenizer"] = process.argv.slice(2);

if (path === "tokenizer") {
  const corpus = ["To be, or not to be.", "That is the question.", "Ay, there's the rub."];
  await saveTokenizer(await trainBpe(corpus, { vocabularySize: 300 }), path);
}

const tokenizer = await loadTokenizer(path);
const ids = tokenizer.encode(text);
console.log(`${ids.length} tokens of a vocabulary of ${tokenizer.vocabularySize}`);
console.log([...ids].map((id) => `${id} ${JSON.stringify(tokenizer.decode([id]))}`).join(", "));
console.log(tokenizer.decode(ids, { skipSpecialTokens: true }));
