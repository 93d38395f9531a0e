/**
 * A temporary file with the MinHash signature of every document, in order: a run that was interrupted reads them instead of
 * computing them again, which takes most of the time of deduplication. Each is found by a digest of its text.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, rmSync, statSync } from "node:fs";
import { appendTo } from "../files/append-file.ts";
import { openForReading } from "../files/open-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import { minHashSignature, SIGNATURE_LENGTH } from "../steps/minhash.ts";

const DIGEST_BYTES = 16;
/** A digest, whether there is a signature, and the signature. */
const RECORD_BYTES = DIGEST_BYTES + 1 + SIGNATURE_LENGTH;
const RECORDS_AT_ONCE = 1 << 10;
const MILLISECONDS = 1000;

const signaturesPath = (prefix: string) => `${prefix}.signatures.partial`;

/** Signatures of documents, which are asked for in the order of the input. */
export interface SignatureFile {
  signatureOf(text: string): Uint8Array | undefined;
  /** Number of documents so far. */
  readonly count: number;
  /** Visits the signatures of the first documents, which are then not asked for. False, and no visit, if there are fewer. */
  restore(count: number, visit: (signature: Uint8Array | undefined) => void): boolean;
  /** Waits until the signatures so far are on disk. */
  sync(): void;
  /** Closes the file, which a later run reads. */
  close(): void;
}

/**
 * Opens the file, or creates it.
 * @param compute for tests
 */
export function openSignatures(prefix: string, compute = minHashSignature): SignatureFile {
  const path = signaturesPath(prefix);
  const stored = existsSync(path) ? readRecords(path) : undefined;
  let known = 0;
  let appended = 0;
  let output: ReturnType<typeof appendTo> | undefined;
  let synced = Date.now();
  const append = (digest: Uint8Array, signature: Uint8Array | undefined) => {
    stored?.return(undefined);
    output ??= appendTo(path, known * RECORD_BYTES);
    appended++;
    output.append(
      Buffer.concat([digest, Uint8Array.of(signature ? 1 : 0), signature ?? new Uint8Array(SIGNATURE_LENGTH)]),
    );
    if (Date.now() - synced < MILLISECONDS) return;
    output.sync();
    synced = Date.now();
  };
  return {
    signatureOf(text) {
      const digest = createHash("sha256").update(text).digest().subarray(0, DIGEST_BYTES);
      const record = output ? undefined : stored?.next().value;
      if (record && digest.equals(record.subarray(0, DIGEST_BYTES))) {
        known++;
        return signatureIn(record);
      }
      const signature = compute(text);
      append(digest, signature);
      return signature;
    },
    get count() {
      return known + appended;
    },
    restore(count, visit) {
      if (count > recordsIn(path)) return false;
      for (; known < count; known++) visit(signatureIn(stored!.next().value!));
      return true;
    },
    sync: () => output?.sync(),
    close() {
      stored?.return(undefined);
      const open = output;
      output = undefined;
      open?.close();
    },
  };
}

/** Removes the file of a run that is complete. */
export const removeSignatures = (prefix: string): void => rmSync(signaturesPath(prefix), { force: true });

const signatureIn = (record: Uint8Array) =>
  record[DIGEST_BYTES] === 1 ? record.subarray(DIGEST_BYTES + 1) : undefined;

const recordsIn = (path: string): number => (existsSync(path) ? Math.floor(statSync(path).size / RECORD_BYTES) : 0);

/** The records that are complete. */
function* readRecords(path: string): Generator<Uint8Array, undefined> {
  const { descriptor, size } = openForReading(path);
  try {
    const records = Math.floor(size / RECORD_BYTES);
    for (let start = 0; start < records; start += RECORDS_AT_ONCE) {
      const chunk = new Uint8Array(Math.min(RECORDS_AT_ONCE, records - start) * RECORD_BYTES);
      readExactly(descriptor, chunk, start * RECORD_BYTES, path);
      for (let at = 0; at < chunk.length; at += RECORD_BYTES) yield chunk.subarray(at, at + RECORD_BYTES);
    }
  } finally {
    closeSync(descriptor);
  }
  return undefined;
}
