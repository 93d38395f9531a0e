/** Loads the tokenizer that is saved with a checkpoint. */
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { UsageError } from "./errors.ts";

/** Whether the checkpoint contains a file of this name. */
export const hasFile = ({ manifest }: LoadedCheckpoint, name: string): boolean =>
  manifest.files.some((file) => file.name === name);

/** The text of a file of the checkpoint. */
export const readText = (checkpoint: LoadedCheckpoint, name: string): string =>
  Buffer.from(checkpoint.readFile(name)).toString("utf8");

/** Null for a checkpoint without a tokenizer. Throws a UsageError if it is not the one that the model was trained with. */
export async function loadCheckpointTokenizer(checkpoint: LoadedCheckpoint): Promise<Tokenizer | null> {
  if (!hasFile(checkpoint, "tokenizer.json")) return null;
  const { createTokenizer, parseTokenizerJson } = await import("@megatron-ts/tokenizer");
  const { endOfTextIn } = await import("@megatron-ts/tokenizer/files");
  const { directory, manifest } = checkpoint;
  const config = "tokenizer_config.json";
  const endOfText = hasFile(checkpoint, config)
    ? endOfTextIn(readText(checkpoint, config), `${directory}/${config}`)
    : undefined;
  const json = parseTokenizerJson(readText(checkpoint, "tokenizer.json"), `${directory}/tokenizer.json`);
  const tokenizer = await createTokenizer(json, endOfText === undefined ? {} : { endOfText });
  if (manifest.tokenizerFingerprint !== null && manifest.tokenizerFingerprint !== tokenizer.fingerprint) {
    throw new UsageError(`${directory}: tokenizer.json is not the tokenizer that the model was trained with`);
  }
  return tokenizer;
}
