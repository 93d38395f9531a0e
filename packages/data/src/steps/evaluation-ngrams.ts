/**
 * Collects the word n-grams of evaluation texts, to find training documents that contain one and would leak answers (Brown et
 * al. 2020, appendix C: 13 words). In JSON lines every string is such a text, whatever its key.
 */
import { DataError } from "../errors.ts";
import { type ReadOptions, readDocuments } from "../text/documents.ts";
import { parseJson } from "../text/json.ts";
import { listSources } from "../text/sources.ts";
import { createKeySet } from "./key-set.ts";
import { mix, wordHashes } from "./words.ts";

/** The n-grams of evaluation texts. */
export interface EvaluationNgrams {
  /** Number of evaluation texts. */
  readonly texts: number;
  /** Number of texts with fewer words than an n-gram, which cannot be found in documents. */
  readonly shortTexts: number;
  /** Whether the text contains an n-gram of an evaluation text. */
  isContaminated(text: string): boolean;
}

/**
 * @param inputs files, globs or directories of any supported format
 * @param options.ngram words in an n-gram
 * @throws DataError for inputs that cannot be read, and for an `ngram` that is not a positive integer
 */
export async function readEvaluationNgrams(
  inputs: readonly string[],
  options: { ngram: number } & Pick<ReadOptions, "textKey">,
): Promise<EvaluationNgrams> {
  const { ngram } = options;
  if (!(Number.isInteger(ngram) && ngram >= 1))
    throw new DataError(`expected a positive number of words in an n-gram, got ${ngram}`);
  const ngrams = createKeySet(2);
  let texts = 0;
  let shortTexts = 0;
  for await (const text of evaluationTexts(inputs, options)) {
    texts++;
    let any = false;
    for (const key of ngramsOf(wordHashes(text), ngram)) {
      ngrams.add(key);
      any = true;
    }
    if (!any) shortTexts++;
  }
  return {
    texts,
    shortTexts,
    isContaminated(text) {
      for (const key of ngramsOf(wordHashes(text), ngram)) if (ngrams.has(key)) return true;
      return false;
    },
  };
}

/** A 64-bit hash, [2], of every n-gram. Reuses the array. */
function* ngramsOf(words: Uint32Array, length: number): Generator<Uint32Array> {
  const key = new Uint32Array(2);
  for (let start = 0; start + length <= words.length; start++) {
    let first = 0;
    let second = 0x3c6ef372;
    for (let i = start; i < start + length; i++) {
      first = Math.imul(first ^ words[i]!, 0x9e3779b1);
      second = Math.imul(second + words[i]!, 0x85ebca77) ^ (second >>> 15);
    }
    key[0] = mix(first);
    key[1] = mix(second);
    yield key;
  }
}

async function* evaluationTexts(inputs: readonly string[], { textKey }: Pick<ReadOptions, "textKey">) {
  for (const source of await listSources(inputs)) {
    if (source.path === "-") throw new DataError("evaluation texts cannot come from standard input: name a file");
    const asLines = source.format === "jsonl";
    const options: ReadOptions = asLines ? { format: "txt", textDocument: "line" } : { textKey };
    for await (const { text, line } of readDocuments([source.path], options)) {
      if (asLines) yield* stringsIn(text, { source: source.path, line });
      else yield text;
    }
  }
}

/** Every string of a JSON value. */
function* stringsIn(json: string, where: { source: string; line: number }): Generator<string> {
  const values: unknown[] = [];
  try {
    values.push(parseJson(json));
  } catch (error) {
    throw new DataError(`malformed JSON (${(error as Error).message})`, { ...where, cause: error });
  }
  while (values.length > 0) {
    const value = values.pop();
    if (typeof value === "string") yield value;
    else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) values.push(inner);
  }
}
