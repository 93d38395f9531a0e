/** Readers of tokenizers, which then encode and decode a text. */

import { endOfTextIn } from "../../../packages/tokenizer/src/files.ts";
import { createTokenizer } from "../../../packages/tokenizer/src/json/create-tokenizer.ts";
import { parseTokenizerJson } from "../../../packages/tokenizer/src/json/parse-tokenizer-json.ts";
import { readSentencePiece } from "../../../packages/tokenizer/src/sentencepiece.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";
import { fixture } from "../samples.mjs";

const TEXT = "Hello, wörld! 123  <s>\n 日本🚀 aaaa";

async function use(json) {
  const tokenizer = await createTokenizer(json);
  tokenizer.decode(tokenizer.encode(TEXT));
}

const MOST_TOKENS = 80;

/** With a vocabulary of a few tokens: most of a tokenizer is its list, where edits change little. */
function shortened(text) {
  const json = JSON.parse(text);
  const { model } = json;
  const short = (list) => (Array.isArray(list) ? list.slice(0, 40) : list);
  if (Array.isArray(model.vocab)) model.vocab = model.vocab.slice(0, MOST_TOKENS);
  else model.vocab = Object.fromEntries(Object.entries(model.vocab).slice(0, MOST_TOKENS));
  const known = (side) => Object.hasOwn(model.vocab, side);
  if (model.merges)
    model.merges = short(
      model.merges.filter((merge) => {
        const [a, b] = typeof merge === "string" ? merge.split(" ") : merge;
        return known(a) && known(b) && known(a + b);
      }),
    );
  return JSON.stringify(json);
}

const names = ["added-tokens", "bert", "gpt2", "llama3", "metaspace", "prefix-space", "whole-text"];
const whole = names.map((name) => fixture(`text-files/tokenizers/${name}.json`).toString());
const samples = [...whole.map(shortened), ...tokenizersIn("unigram"), ...tokenizersIn("wordpiece")];

function tokenizersIn(name) {
  const value = JSON.parse(fixture(`tokenizer/${name}.json`).toString());
  const found = value.model ? [value] : Object.values(value).filter((one) => one?.model?.vocab);
  return found.slice(0, 2).map((one) => shortened(JSON.stringify(one)));
}

export const tokenizerParsers = [
  { name: "tokenizer", inputs: damagedJson(samples), read: (bytes) => use(parseTokenizerJson(bytes.toString())) },
  {
    name: "tokenizer-config",
    inputs: damagedJson(['{"eos_token":"</s>","x":1}', '{"eos_token":{"content":"</s>","special":true}}']),
    read: (bytes) => endOfTextIn(bytes.toString(), "tokenizer_config.json"),
  },
  {
    name: "sentencepiece",
    inputs: damagedBytes([fixture("tokenizer/bpe.model"), fixture("tokenizer/unigram.model")].map((bytes) => bytes)),
    read: async (bytes) => use(await readSentencePiece(bytes)),
  },
];
