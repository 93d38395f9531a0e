/** Finds existing datasets, which are overwritten only on request. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import type { Job } from "./job.ts";
import type { PrepareOptions } from "./options.ts";

const endings = [".bin", ".idx", ".json"];

/** @throws DataError naming an existing dataset that the job would overwrite. */
export function refuseExisting(
  { prefix, prefixOf }: Pick<Job, "prefix" | "prefixOf">,
  { output, languages }: Pick<PrepareOptions, "output" | "languages">,
): void {
  const found = languages === "separate" ? languageDatasets({ output, prefixOf }) : [prefix].filter(hasDataset);
  if (found.length === 0) return;
  throw new DataError("already exists: choose another output, or overwrite it (--overwrite)", { source: found[0] });
}

const hasDataset = (prefix: string) => endings.some((ending) => existsSync(`${prefix}${ending}`));

/** Prefixes of the datasets of single languages next to the output. */
function languageDatasets({ output, prefixOf }: { output: string; prefixOf: Job["prefixOf"] }): string[] {
  const directory = dirname(output);
  if (!existsSync(directory)) return [];
  const code = /^[a-z]{2,3}$/;
  const start = `${basename(output)}-`;
  const codes = readdirSync(directory)
    .filter((name) => name.startsWith(start))
    .map((name) => name.slice(start.length, name.indexOf("_", start.length)))
    .filter((language) => code.test(language));
  return [...new Set(codes)].map((language) => prefixOf(join(directory, start + language))).filter(hasDataset);
}
