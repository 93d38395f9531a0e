/**
 * Publishes a dataset for each language: copies the documents of the whole dataset, which still has its temporary names, to
 * the datasets of their languages, in order. Starts over if interrupted; removes the whole dataset last.
 */
import { closeSync, existsSync, fstatSync, openSync, rmSync } from "node:fs";
import { readExactly } from "../files/read-exactly.ts";
import { tokenType } from "../indexed/format.ts";
import { createIndexedDatasetWriter, partialPaths } from "../indexed/writer.ts";
import { type DatasetSidecar, readSidecar } from "../sidecar.ts";
import { removeJournal, wholeSidecarPath } from "./journal.ts";
import { appendMarks, marksPath, readMarks } from "./marks.ts";
import type { LanguageDataset } from "./options.ts";
import { publish, settle, summarize, writeSidecar } from "./publish.ts";
import { appendRecords, readRecords, recordsPath } from "./records.ts";
import { removeSignatures } from "./signature-file.ts";
import { planSplit } from "./split-plan.ts";

const TOKENS_AT_ONCE = 1 << 18;

/**
 * @param whole prefix of the complete dataset, including its sidecar
 * @param options.prefixOf the full prefix of a language's dataset
 */
export async function publishByLanguage(
  whole: string,
  options: { type: "u16" | "i32"; prefixOf: (language: string) => string },
): Promise<{ sidecar: DatasetSidecar; byLanguage: LanguageDataset[] }> {
  const sidecar = readSidecar(wholeSidecarPath(whole))!;
  const languages = Object.keys(sidecar.languages ?? {});
  const datasets = languages.map((language) => ({ language, prefix: options.prefixOf(language) }));
  const paths = partialPaths(whole);
  if (existsSync(paths.bin)) {
    await distribute(whole, { ...options, sidecar, datasets });
    for (const { prefix } of datasets) publish(prefix);
    for (const path of Object.values(paths)) rmSync(path, { force: true });
  }
  // Publishes again what an interrupted call left.
  const byLanguage = datasets.map((dataset) => ({ ...dataset, sidecar: publish(dataset.prefix) }));
  for (const path of [recordsPath(whole), marksPath(whole)]) rmSync(path, { force: true });
  removeSignatures(whole);
  removeJournal(whole);
  rmSync(wholeSidecarPath(whole), { force: true });
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
  for (const { prefix } of options.datasets) settle(prefix, { renamed: true });
  const outputs = new Map(
    options.datasets.map(({ language, prefix }) => [
      language,
      {
        language,
        prefix,
        writer: createIndexedDatasetWriter(prefix, { type }),
        records: appendRecords(prefix),
        marks: appendMarks(prefix),
      },
    ]),
  );
  const documents = readSealed(whole, { type, documents: sidecar.counts.documents });
  const allMarks = readMarks(whole);
  let mark = allMarks.next();
  let document = 0;
  for (const record of readRecords(whole, { start: 0, end: sidecar.counts.documents })) {
    const { writer, records, marks } = outputs.get(record.language!)!;
    for (; !mark.done && mark.value.document === document; mark = allMarks.next())
      marks.add({ ...mark.value, document: writer.position.documents });
    document++;
    for (const chunk of documents.next().value!) {
      writer.append(chunk.tokens);
      if (chunk.endsSequence) writer.endSequence();
    }
    writer.endDocument();
    records.add(record);
  }
  for (const { language, prefix, writer, records, marks } of outputs.values()) {
    const { documents: count, sequences } = writer.position;
    records.close();
    marks.close();
    const plan = planSplit(prefix, { documents: count, weights: sidecar.split.weights, mayCut: true });
    writer.seal(plan.cuts);
    const { jsonKey, tokenizer, skipped, decontamination, deduplication, sentences } = sidecar;
    const known = { jsonKey, tokenizer, skipped, decontamination, deduplication, documents: count, plan };
    writeSidecar(
      prefix,
      await summarize(prefix, { ...known, ...(sentences && { sentences: { ...sentences, sequences } }) }),
    );
    outputs.delete(language);
  }
}

interface Chunk {
  tokens: ArrayLike<number>;
  endsSequence: boolean;
}

/** The documents of a complete dataset, each as chunks of its sequences. */
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

/** Reads numbers in order, many at a time from the disk. */
function numbersOf(path: string, type: keyof typeof arrays) {
  const { bytes } = tokenType(type);
  const descriptor = openSync(path, "r");
  const { size } = fstatSync(descriptor);
  let buffered = new Uint8Array(0);
  let position = 0;
  return {
    /** The next `count` numbers, which the file must have. */
    take(count: number) {
      const wanted = count * bytes;
      if (buffered.length < wanted) {
        const available = buffered.length + size - position;
        const next = new Uint8Array(Math.max(wanted, Math.min(TOKENS_AT_ONCE * bytes, available)));
        next.set(buffered);
        const added = next.subarray(buffered.length);
        readExactly(descriptor, added, position, path);
        position += added.length;
        buffered = next;
      }
      const taken = buffered.slice(0, wanted);
      buffered = buffered.subarray(wanted);
      return new arrays[type](taken.buffer);
    },
    close: () => closeSync(descriptor),
  };
}
