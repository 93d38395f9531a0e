/** What a model is called after the directory that it is served from. */
import { basename, dirname, resolve } from "node:path";

/** Names that say what is in a directory rather than which. */
const GENERIC = /^(run|model|checkpoint|step-\d+)$/;

/** The last part of a path that tells one model from another: "x" of `runs/x/run`; all else failing, the last. */
export function nameOfRun(path: string): string {
  const whole = resolve(path);
  for (let part = whole; dirname(part) !== part; part = dirname(part)) {
    if (!GENERIC.test(basename(part))) return basename(part);
  }
  return basename(whole);
}
