/**
 * `metrics.jsonl`: one JSON object per line, one line per report, written as it happens. Node only. Knows nothing of
 * what is measured, only that every record has a step.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";

/** `step` is the number of updates done when the record was written. Numbers that are not finite are written as null. */
interface MetricsRecord {
  step: number;
  [name: string]: number | string | boolean | null | undefined | readonly number[];
}

/** An open metrics log. */
export interface MetricsLog {
  append(record: MetricsRecord): void;
  close(): void;
}

/**
 * Opens the log at `path` for appending. Drops records of steps after `resumedStep` (the step of the loaded checkpoint; 0
 * for a new run) and a last line torn by a crash, so that no step is logged twice.
 */
export function openMetricsLog(path: string, { resumedStep }: { resumedStep: number }): MetricsLog {
  keepUpTo(resumedStep, path);
  const file = openSync(path, "a");
  return {
    append: (record) => void writeSync(file, `${JSON.stringify(record)}\n`),
    close: () => closeSync(file),
  };
}

function keepUpTo(step: number, path: string): void {
  if (!existsSync(path)) return;
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n").filter((line) => (stepOf(line) ?? Number.POSITIVE_INFINITY) <= step);
  const kept = lines.map((line) => `${line}\n`).join("");
  if (kept === text) return;
  // Written to a new file and renamed, so that a crash does not lose the history.
  const beside = `${path}.new`;
  const file = openSync(beside, "w");
  writeFileSync(file, kept);
  fsyncSync(file);
  closeSync(file);
  renameSync(beside, path);
}

/** The step of a line; undefined if it is not a record. */
function stepOf(line: string): number | undefined {
  try {
    const { step } = JSON.parse(line) as MetricsRecord;
    return typeof step === "number" ? step : undefined;
  } catch {
    return undefined;
  }
}
