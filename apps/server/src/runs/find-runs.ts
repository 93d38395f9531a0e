/** Finds training runs below a directory, by the `metrics.jsonl` that each writes. Knows nothing of models. */
import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ServerError } from "../errors.ts";

/** The file in which a run writes its metrics, one JSON object a line. */
export const METRICS_FILE = "metrics.jsonl";

/** How deep runs may lie, and how many are listed. */
const DEEPEST = 5;
const MOST_RUNS = 500;

/** Directories that hold no runs. */
const isPassedOver = (name: string) => /^(\.|node_modules$|step-\d+$)/.test(name);

/** A run. */
export interface FoundRun {
  /** Its path in the directory, with forward slashes; "." for the directory itself. */
  name: string;
  /** When it last wrote, in milliseconds since 1970. */
  updated: number;
  /** Size of its metrics. */
  bytes: number;
}

/** Throws a ServerError for a path that is no directory. */
export function checkRunsDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ServerError(`${path}: expected a directory with training runs`);
}

/** The runs below a directory, latest first. Links are not followed. */
export async function findRuns(directory: string): Promise<FoundRun[]> {
  const found: FoundRun[] = [];
  async function search(path: string, depth: number): Promise<void> {
    // A directory may vanish while it is searched.
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (found.length >= MOST_RUNS) return;
      if (entry.isFile() && entry.name === METRICS_FILE) {
        const { mtimeMs, size } = await stat(join(path, entry.name));
        found.push({ name: relative(directory, path).split(sep).join("/") || ".", updated: mtimeMs, bytes: size });
      } else if (entry.isDirectory() && depth < DEEPEST && !isPassedOver(entry.name)) {
        await search(join(path, entry.name), depth + 1);
      }
    }
  }
  await search(directory, 0);
  return found.sort((a, b) => b.updated - a.updated);
}
