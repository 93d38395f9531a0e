/** Whether a head shares the token embedding: as transformers 5 decides it, by config.json and by the values in the file. */
import type { FileTensors } from "./format.ts";

/**
 * False if config.json says so, or if the file holds a head and an embedding that differ. `embeddings` are the names that
 * the embedding may have, the first that is there counts.
 */
export function isHeadTied(
  declared: boolean,
  { tensors, head, embeddings }: { tensors: FileTensors | undefined; head: string; embeddings: readonly string[] },
): boolean {
  const embedding = embeddings.find((name) => tensors?.has(name));
  if (!declared || !tensors?.equal || embedding === undefined || !tensors.has(head)) return declared;
  return tensors.equal(head, embedding);
}
