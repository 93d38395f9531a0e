/**
 * Prepares a dataset: reads text files, encodes them in worker threads, and writes an indexed dataset and its sidecar in the
 * order of the input, whatever the number of workers. An interrupted run can be resumed.
 */
import { DataError } from "../errors.ts";
import { takeLock } from "../files/lock.ts";
import { replaceFile } from "../files/replace-file.ts";
import { formatSidecar } from "../sidecar.ts";
import { onlyPairs } from "../steps/pairs.ts";
import { readParts } from "../text/documents.ts";
import { publishByLanguage } from "./by-language.ts";
import { type Collector, type CollectorState, createCollector } from "./collector.ts";
import type { EncodedTask, EncodingTask } from "./encode.ts";
import { builtWorker, createEncoderPool } from "./encoder-pool.ts";
import { refuseExisting } from "./existing.ts";
import { type Job, planJob } from "./job.ts";
import { findJournal, type Journal, phaseOf, removeJournal, wholeSidecarPath, writeJournal } from "./journal.ts";
import type { PrepareOptions, PrepareResult, PrepareTuning } from "./options.ts";
import { cutIntoPieces, groupIntoTasks } from "./pieces.ts";
import { publish, settle, summarize, writeSidecar } from "./publish.ts";
import { removeSignatures } from "./signature-file.ts";
import { planSplit, type SplitPlan } from "./split-plan.ts";
import type { StepCounts } from "./steps.ts";

interface Run {
  job: Job;
  options: PrepareOptions;
  tuning: PrepareTuning;
}

/**
 * Writes `<output>_<jsonKey>_document.bin`, `.idx` and `.json` (see `sentences`, `pairs` and `languages` for other names). An
 * existing dataset stays as it is until the new one is complete.
 * @throws DataError for an output that exists (see `overwrite`), and for inputs that are missing, empty, unreadable or
 *   malformed; TokenizerError for a tokenizer that cannot be loaded; StorageError for a full or failing disk
 */
export function prepareDataset(options: PrepareOptions): Promise<PrepareResult> {
  return prepareWith(options, { workerFile: builtWorker(), pieceLength: 1 << 19, journalMilliseconds: 2000 });
}

/** `prepareDataset` with other internal settings, for tests. */
export async function prepareWith(options: PrepareOptions, tuning: PrepareTuning): Promise<PrepareResult> {
  const job = await planJob(options);
  const { prefix } = job;
  const release = takeLock(`${prefix}.lock`, {
    refuse: (holder) =>
      new DataError(`is being written by ${holder}: wait for it, or choose another output`, { source: prefix }),
    breakLock: options.breakLock,
  });
  try {
    return await run({ job, options, tuning });
  } finally {
    release();
  }
}

async function run({ job, options, tuning }: Run): Promise<PrepareResult> {
  const { prefix, type, key, level } = job;
  const resumed = job.resumable && options.resume !== false ? findJournal(prefix, { key, type }) : undefined;
  if (resumed?.phase !== "publishing") {
    settle(prefix, { renamed: phaseOf(prefix) === "publishing" });
    if (!options.overwrite) refuseExisting(job, options);
    if (!resumed) removeJournal(prefix);
    const collector = createCollector(prefix, { type, endOfDocument: job.endOfDocument, level, resume: resumed });
    const { tasks, badLines } = await encodeAll({ job, options, tuning }, { collector, resumed });
    const state = collector.sync();
    const mayCut = level !== "pair" && options.languages !== "separate";
    const plan = planSplit(prefix, { documents: state.position.documents, weights: job.split, mayCut });
    collector.seal(plan.cuts);
    await summarizeRun({ job, options, tuning }, { state, plan, badLines });
    writeJournal(prefix, { key, phase: "publishing", tasks, ...state });
  }
  const published =
    options.languages === "separate"
      ? await publishByLanguage(prefix, { type, prefixOf: (name) => job.prefixOf(`${options.output}-${name}`) })
      : { sidecar: publish(prefix) };
  return { prefix, resumed: resumed !== undefined, ...published };
}

/** Encodes the inputs into the collector, except for the tasks of an earlier run. Records its progress in the journal. */
async function encodeAll(
  { job, options, tuning }: Run,
  { collector, resumed }: { collector: Collector; resumed: Journal | undefined },
): Promise<{ tasks: number; badLines: number }> {
  const { prefix, key, resumable, sources, steps } = job;
  const done = resumed?.tasks ?? 0;
  const restored = resumable && steps.start(prefix, resumed?.point?.steps) ? resumed?.point : undefined;
  const skipped = sources.slice(0, restored?.source ?? 0);
  const progress = {
    bytesRead: skipped.reduce((sum, { bytes = 0 }) => sum + bytes, restored?.start?.offset ?? 0),
    badLines: restored?.badLines ?? 0,
  };
  let badLinesBefore = progress.badLines;
  const points = resumable && !options.pairs && steps.state() !== undefined;
  let point = restored;
  const bytesTotal = resumable ? sources.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : undefined;
  let collected = done;
  let journaled = Date.now();
  const record = () => {
    steps.sync();
    writeJournal(prefix, { key, phase: "encoding", tasks: collected, ...(point && { point }), ...collector.sync() });
    journaled = Date.now();
  };
  const collect = async (task: EncodingTask, encoded: Promise<EncodedTask>) => {
    collector.add(task, await encoded);
    collected++;
    const own = task.at(-1)?.point;
    if (own) point = { ...own, tasks: collected };
    if (resumable && Date.now() - journaled >= tuning.journalMilliseconds) record();
    const { documents, tokens } = collector;
    options.onProgress?.({ ...progress, bytesTotal, documents, tokens });
  };
  const onBadLine = (problem: DataError) => {
    if (!options.skipBadLines) throw problem;
    progress.badLines++;
    options.onBadLine?.(problem);
  };
  const onBytes = (bytes: number) => {
    progress.bytesRead += bytes;
  };
  const { tokenizerPath } = options;
  const pool = createEncoderPool({ ...job, ...tuning, tokenizerPath });
  try {
    const onStart = () => {
      badLinesBefore = progress.badLines;
    };
    const from = points ? { source: 0, documents: 0, ...restored, onStart } : undefined;
    const read = readParts(sources, { ...options, textKey: job.jsonKey, onBytes, onBadLine, from });
    const parts = options.pairs ? onlyPairs(read, { onBadDocument: onBadLine }) : read;
    const pieces = cutIntoPieces(steps.apply(parts), {
      findCut: job.findCut,
      pieceLength: tuning.pieceLength,
      characters: restored?.characters,
      pointAt: (next, characters) => ({ ...next, characters, badLines: badLinesBefore, steps: steps.state()! }),
    });
    const inFlight: { task: EncodingTask; encoded: Promise<EncodedTask> }[] = [];
    let number = restored?.tasks ?? 0;
    for await (const task of groupIntoTasks(pieces, tuning.pieceLength)) {
      if (number++ < done) continue;
      const encoded = pool.encode(task);
      encoded.catch(() => {}); // It is thrown where it is awaited; until then it is not unhandled.
      inFlight.push({ task, encoded });
      const ready = inFlight.length > pool.capacity ? inFlight.shift() : undefined;
      if (ready) await collect(ready.task, ready.encoded);
    }
    for (const { task, encoded } of inFlight) await collect(task, encoded);
    if (collector.documents === 0) throw new DataError(whyEmpty(steps.counts()));
  } catch (error) {
    if (resumable && collector.tokens > 0) {
      if (error instanceof DataError) record();
      collector.close();
    } else {
      collector.abort();
      removeJournal(prefix);
      steps.close();
      removeSignatures(prefix);
    }
    throw error;
  } finally {
    steps.close();
    await pool.close();
  }
  return { tasks: collected, badLines: progress.badLines };
}

/** Writes the sidecar of a run whose files are sealed. */
async function summarizeRun(
  { job, options }: Run,
  { state, plan, badLines }: { state: CollectorState; plan: SplitPlan; badLines: number },
): Promise<void> {
  const { tokenizer } = job;
  const { documents, sequences } = state.position;
  const sidecar = await summarize(job.prefix, {
    jsonKey: job.jsonKey,
    tokenizer: {
      fingerprint: tokenizer.fingerprint,
      vocabularySize: tokenizer.vocabularySize,
      endOfDocument: job.endOfDocument ?? null,
    },
    documents,
    plan,
    skipped: { badLines, emptyDocuments: state.emptyDocuments },
    ...(options.sentences && { sentences: { ...options.sentences, sequences } }),
    ...job.steps.counts(),
  });
  if (options.languages === "separate") replaceFile(wholeSidecarPath(job.prefix), formatSidecar(sidecar));
  else writeSidecar(job.prefix, sidecar);
}

function whyEmpty({ decontamination }: StepCounts): string {
  return decontamination?.action === "drop" && decontamination.contaminated > 0
    ? `no document is left: all ${decontamination.contaminated} contain text of the evaluation files`
    : "the inputs contain no text that encodes to a token";
}
