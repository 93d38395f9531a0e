/** Datasets of earlier calls, which are not written over unless that is asked for. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import type { Job } from "./job.ts";
import type { PrepareOptions } from "./prepare.ts";

const endings = [".bin", ".idx", ".json"];

/** Throws a DataError that names a dataset which this job would write over. */
export function refuseExisting(
  { prefix, prefixOf }: Pick<Job, "prefix" | "prefixOf">,
  { output, languages }: Pick<PrepareOptions, "output" | "languages">,
): void {
  const found = languages === "separate" ? languageDatasets({ output, prefixOf }) : [prefix].filter(holdsDataset);
  if (found.length === 0) return;
  throw new DataError("is there already: choose another output, or overwrite it (--overwrite)", { source: found[0] });
}

const holdsDataset = (prefix: string) => endings.some((ending) => existsSync(`${prefix}${ending}`));

/** Prefixes of datasets of one language that lie beside the output. */
function languageDatasets({ output, prefixOf }: { output: string; prefixOf: Job["prefixOf"] }): string[] {
  const directory = dirname(output);
  if (!existsSync(directory)) return [];
  const code = /^[a-z]{2,3}$/;
  const start = `${basename(output)}-`;
  const codes = readdirSync(directory)
    .filter((name) => name.startsWith(start))
    .map((name) => name.slice(start.length, name.indexOf("_", start.length)))
    .filter((language) => code.test(language));
  return [...new Set(codes)].map((language) => prefixOf(join(directory, start + language))).filter(holdsDataset);
}
