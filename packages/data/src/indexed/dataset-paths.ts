/**
 * Where the files of a dataset are. A new one is complete as soon as its sidecar has its temporary name, `<prefix>.json.partial`;
 * then its files are renamed, that one last. So a reader finds either the old dataset or the new one, even if the renames were
 * interrupted.
 */
import { existsSync } from "node:fs";

/** Paths of a dataset's files. */
export interface DatasetPaths {
  bin: string;
  idx: string;
  json: string;
}

/** Temporary name of a file. */
export const partialPath = (prefix: string, ending: string) => `${prefix}.${ending}.partial`;

/** Whether a new dataset is complete, but not all of its files are renamed. */
export const isPending = (prefix: string): boolean => existsSync(partialPath(prefix, "json"));

/** The files to read. */
export function datasetPaths(prefix: string): DatasetPaths {
  const pending = isPending(prefix);
  const path = (ending: string) => {
    const partial = partialPath(prefix, ending);
    return pending && existsSync(partial) ? partial : `${prefix}.${ending}`;
  };
  return { bin: path("bin"), idx: path("idx"), json: path("json") };
}
