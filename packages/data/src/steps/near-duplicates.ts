/**
 * Finds documents that are similar to an earlier one, by MinHash and locality-sensitive hashing (Leskovec, Rajaraman and
 * Ullman, Mining of Massive Datasets, 3.4). Compares two documents if all rows of some band are equal; they are duplicates if
 * the estimated similarity reaches the threshold. Takes about 300 bytes of memory for each document kept.
 */
import { DataError } from "../errors.ts";
import type { DuplicateFinder } from "./exact-duplicates.ts";
import { estimateSimilarity, minHashSignature, SIGNATURE_LENGTH } from "./minhash.ts";
import { mix } from "./words.ts";

/** Probability with which a pair exactly at the threshold is at least compared. */
const RECALL = 0.99;

/**
 * The most rows, hence the fewest comparisons, that reach this probability: pairs at the threshold share a band with
 * probability 1 - (1 - threshold^rows)^bands.
 */
export function chooseBands(threshold: number): { bands: number; rows: number } {
  for (let rows = SIGNATURE_LENGTH; rows > 1; rows--) {
    const bands = Math.floor(SIGNATURE_LENGTH / rows);
    if (1 - (1 - threshold ** rows) ** bands >= RECALL) return { bands, rows };
  }
  return { bands: SIGNATURE_LENGTH, rows: 1 };
}

/**
 * @param options.threshold Jaccard similarity of shingles above which documents count as duplicates, above 0 and at most 1
 * @param options.signatureOf another way to get the signature of a text
 * @throws DataError for any other threshold
 */
export function createNearDuplicates({
  threshold,
  signatureOf: signatureOfText = minHashSignature,
}: {
  threshold: number;
  signatureOf?: typeof minHashSignature;
}): DuplicateFinder & { isNearDuplicate(signature: Uint8Array | undefined): boolean } {
  if (!(threshold > 0 && threshold <= 1))
    throw new DataError(`expected a similarity threshold above 0 and at most 1, got ${threshold}`);
  const { bands, rows } = chooseBands(threshold);
  let capacity = 1 << 10;
  let count = 0;
  let signatures = new Uint8Array(capacity * SIGNATURE_LENGTH);
  /** [bands, capacity]: the last document of each bucket, plus one; and for each document, the previous one in its bucket. */
  let heads = new Uint32Array(bands * capacity);
  let previous = new Uint32Array(bands * capacity);

  const signatureOf = (document: number) =>
    signatures.subarray(document * SIGNATURE_LENGTH, (document + 1) * SIGNATURE_LENGTH);
  const bucketOf = (signature: Uint8Array, band: number) => {
    let hash = band;
    for (let i = band * rows; i < (band + 1) * rows; i++) hash = Math.imul(hash ^ signature[i]!, 0x01000193) + 1;
    return band * capacity + (mix(hash) & (capacity - 1));
  };
  const link = (document: number) => {
    const signature = signatureOf(document);
    for (let band = 0; band < bands; band++) {
      const bucket = bucketOf(signature, band);
      previous[band * capacity + document] = heads[bucket]!;
      heads[bucket] = document + 1;
    }
  };
  const grow = () => {
    capacity *= 2;
    const old = signatures;
    signatures = new Uint8Array(capacity * SIGNATURE_LENGTH);
    signatures.set(old);
    heads = new Uint32Array(bands * capacity);
    previous = new Uint32Array(bands * capacity);
    for (let document = 0; document < count; document++) link(document);
  };
  const isNear = (signature: Uint8Array) => {
    for (let band = 0; band < bands; band++)
      for (let next = heads[bucketOf(signature, band)]!; next > 0; next = previous[band * capacity + next - 1]!)
        if (estimateSimilarity(signature, signatureOf(next - 1)) >= threshold) return true;
    return false;
  };
  const isNearDuplicate = (signature: Uint8Array | undefined) => {
    if (!signature) return false;
    if (isNear(signature)) return true;
    if (count === capacity) grow();
    signatures.set(signature, count * SIGNATURE_LENGTH);
    link(count++);
    return false;
  };
  return { isNearDuplicate, isDuplicate: (text) => isNearDuplicate(signatureOfText(text)) };
}
