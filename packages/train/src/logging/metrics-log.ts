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
export interface MetricsRecord {
  step: number;
  [name: string]: number | string | boolean | null | undefined;
}

export interface MetricsLog {
  append(record: MetricsRecord): void;
  close(): void;
}

/**
 * Opens the log at `path` for appending. What it says of steps after `resumedStep` (the updates that the loaded
 * checkpoint has done; 0 for a new run) is dropped, and so is a last line that a crash left torn: no step stands twice.
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
  // Beside and then renamed: a crash in between must not cost the history.
  const beside = `${path}.new`;
  const file = openSync(beside, "w");
  writeFileSync(file, kept);
  fsyncSync(file);
  closeSync(file);
  renameSync(beside, path);
}

/** The step of a line; undefined where the line is no record. */
function stepOf(line: string): number | undefined {
  try {
    const { step } = JSON.parse(line) as MetricsRecord;
    return typeof step === "number" ? step : undefined;
  } catch {
    return undefined;
  }
}
