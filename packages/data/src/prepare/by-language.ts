/**
 * The end of `prepare` where each language becomes a dataset: the documents of the whole, which still has its temporary names,
 * go to the dataset of their language, in order. Interrupted, it begins anew; the whole is removed last.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { bytesOf } from "../indexed/append-file.ts";
import { type TokenType, tokenType } from "../indexed/format.ts";
import { readExactly } from "../indexed/index-file.ts";
import { createIndexedDatasetWriter, partialPaths } from "../indexed/writer.ts";
import { type DatasetSidecar, sidecarSchema } from "../sidecar.ts";
import { removeJournal } from "./journal.ts";
import { publish, summarize, writeSidecar } from "./publish.ts";
import { appendRecords, readRecords, recordsPath } from "./records.ts";

export interface LanguageDataset {
  /** ISO 639-1 code, or "und". */
  language: string;
  prefix: string;
  sidecar: DatasetSidecar;
}

const TOKENS_AT_ONCE = 1 << 18;

/**
 * @param whole prefix of the sealed dataset, whose sidecar is written too.
 * @param options.prefixOf the full prefix of a language's dataset.
 */
export async function publishByLanguage(
  whole: string,
  options: { type: "u16" | "i32"; prefixOf: (language: string) => string },
): Promise<{ sidecar: DatasetSidecar; byLanguage: LanguageDataset[] }> {
  const sidecar = sidecarSchema.parse(JSON.parse(readFileSync(`${whole}.json.partial`, "utf8")));
  const languages = Object.keys(sidecar.languages ?? {});
  const datasets = languages.map((language) => ({ language, prefix: options.prefixOf(language) }));
  const paths = partialPaths(whole);
  if (existsSync(paths.bin)) {
    await distribute(whole, { ...options, sidecar, datasets });
    for (const { prefix } of datasets) publish(prefix);
    for (const path of [...Object.values(paths), recordsPath(whole)]) rmSync(path, { force: true });
  }
  // What is published is there, whatever becomes of the rest of this.
  const byLanguage = datasets.map((dataset) => ({ ...dataset, sidecar: publish(dataset.prefix) }));
  removeJournal(whole);
  rmSync(`${whole}.json.partial`, { force: true });
  return { sidecar, byLanguage };
}

async function distribute(
  whole: string,
  options: {
    type: "u16" | "i32";
    sidecar: DatasetSidecar;
    datasets: { language: string; prefix: string }[];
  },
): Promise<void> {
  const { type, sidecar } = options;
  const outputs = new Map(
    options.datasets.map(({ language, prefix }) => [
      language,
      { language, prefix, writer: createIndexedDatasetWriter(prefix, { type }), records: appendRecords(prefix) },
    ]),
  );
  const documents = readSealed(whole, { type, documents: sidecar.counts.documents });
  for (const record of readRecords(whole, { start: 0, end: sidecar.counts.documents })) {
    const { writer, records } = outputs.get(record.language!)!;
    for (const chunk of documents.next().value!) {
      writer.append(chunk.tokens);
      if (chunk.endsSequence) writer.endSequence();
    }
    writer.endDocument();
    records.add(record);
  }
  for (const { language, prefix, writer, records } of outputs.values()) {
    const { documents: count, sequences } = writer.position;
    records.close();
    writer.seal();
    const { jsonKey, tokenizer, skipped, decontamination, deduplication, sentences } = sidecar;
    const known = { jsonKey, tokenizer, skipped, decontamination, deduplication };
    const split = { documents: count, weights: sidecar.split.weights };
    writeSidecar(
      prefix,
      await summarize(prefix, { ...known, ...split, ...(sentences && { sentences: { ...sentences, sequences } }) }),
    );
    outputs.delete(language);
  }
}

interface Chunk {
  tokens: ArrayLike<number>;
  endsSequence: boolean;
}

/** The documents of a sealed dataset, each as chunks of its sequences. */
function* readSealed(
  prefix: string,
  { type, documents }: { type: "u16" | "i32"; documents: number },
): Generator<Generator<Chunk>, undefined> {
  const paths = partialPaths(prefix);
  const lengths = numbersOf(paths.lengths, "i32");
  const boundaries = numbersOf(paths.boundaries, "i64");
  const tokens = numbersOf(paths.bin, type);
  const sequencesOf = function* (count: number): Generator<Chunk> {
    for (let sequence = 0; sequence < count; sequence++) {
      let left = Number(lengths.take(1)[0]);
      do {
        const part = tokens.take(Math.min(left, TOKENS_AT_ONCE)) as ArrayLike<number>;
        left -= part.length;
        yield { tokens: part, endsSequence: left === 0 };
      } while (left > 0);
    }
  };
  try {
    let start = Number(boundaries.take(1)[0]);
    for (let document = 0; document < documents; document++) {
      const end = Number(boundaries.take(1)[0]);
      yield sequencesOf(end - start);
      start = end;
    }
  } finally {
    for (const file of [lengths, boundaries, tokens]) file.close();
  }
  return undefined;
}

const arrays = { u16: Uint16Array, i32: Int32Array, i64: BigInt64Array };

/** Reads numbers one after the other, many at a time from the disk. */
function numbersOf(path: string, type: keyof typeof arrays & TokenType) {
  const { bytes } = tokenType(type);
  const descriptor = openSync(path, "r");
  const total = fstatSync(descriptor).size / bytes;
  let held: Uint16Array | Int32Array | BigInt64Array = new arrays[type](0);
  let read = 0;
  return {
    /** So many numbers; the file must hold them. */
    take(count: number) {
      if (held.length < count) {
        const next = new arrays[type](held.length + Math.max(count, Math.min(TOKENS_AT_ONCE, total - read)));
        next.set(held as never);
        const fresh = next.subarray(held.length, held.length + Math.min(next.length - held.length, total - read));
        readExactly(descriptor, bytesOf(fresh), read * bytes, path);
        read += fresh.length;
        held = next.subarray(0, held.length + fresh.length);
      }
      const taken = held.subarray(0, count);
      held = held.subarray(count);
      return taken;
    },
    close: () => closeSync(descriptor),
  };
}
