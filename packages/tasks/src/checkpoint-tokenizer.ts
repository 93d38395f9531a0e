/** Loads the tokenizer that is saved with a checkpoint. Knows no model. */
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";
import { createTokenizer, parseTokenizerJson, type Tokenizer } from "@megatron-ts/tokenizer";
import { endOfTextIn } from "@megatron-ts/tokenizer/files";
import { TaskError } from "./errors.ts";

const TOKENIZER = "tokenizer.json";
const CONFIG = "tokenizer_config.json";

/** The tokenizer of a checkpoint; null for one without. Throws a TaskError for another than the model was trained with. */
export async function loadCheckpointTokenizer(checkpoint: LoadedCheckpoint): Promise<Tokenizer | null> {
  const { directory, manifest } = checkpoint;
  const has = (name: string) => manifest.files.some((file) => file.name === name);
  const read = (name: string) => Buffer.from(checkpoint.readFile(name)).toString("utf8");
  if (!has(TOKENIZER)) return null;
  const endOfText = has(CONFIG) ? endOfTextIn(read(CONFIG), `${directory}/${CONFIG}`) : undefined;
  const json = parseTokenizerJson(read(TOKENIZER), `${directory}/${TOKENIZER}`);
  const tokenizer = await createTokenizer(json, endOfText === undefined ? {} : { endOfText });
  if (manifest.tokenizerFingerprint !== null && manifest.tokenizerFingerprint !== tokenizer.fingerprint) {
    throw new TaskError(`${directory}: ${TOKENIZER} is not the tokenizer that the model was trained with`);
  }
  return tokenizer;
}

/** The same for models that read and write texts. Throws a TaskError for a checkpoint without a tokenizer, too. */
export async function requireCheckpointTokenizer(checkpoint: LoadedCheckpoint): Promise<Tokenizer> {
  const tokenizer = await loadCheckpointTokenizer(checkpoint);
  if (tokenizer) return tokenizer;
  throw new TaskError(
    `${checkpoint.directory}: no tokenizer in this checkpoint: import the model again with --tokenizer`,
  );
}
