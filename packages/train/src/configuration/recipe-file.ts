/** Reads a recipe from a file. Node only; everything else about recipes is in recipe.ts. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import type * as z from "zod";
import { ConfigError } from "../errors.ts";
import { parseRecipe, type RecipeOptions } from "./recipe.ts";

/**
 * Loads a recipe file and checks it.
 * @throws ConfigError if the file cannot be read, is not UTF-8, or is not a valid configuration
 */
export function loadRecipe<Schema extends z.ZodType>(
  path: string,
  options: Omit<RecipeOptions<Schema>, "file">,
): z.output<Schema> {
  return parseRecipe(readText(path), { ...options, file: path });
}

/** Recipes have a few kilobytes. */
const MOST_BYTES = 1 << 20;
/** How long the writer of a pipe may take. */
const PATIENCE_MS = 10_000;

/** A file, or a pipe such as `<(sed ... recipe.yaml)`, whose writer is waited for. Never a device, which may have no end. */
function readBytes(path: string): Buffer {
  // Without O_NONBLOCK, opening a pipe waits for a writer.
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    if (!status.isFile() && !status.isFIFO()) throw new Error("not a file");
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    for (let waited = 0; ; ) {
      const count = readSome(descriptor, bytes.subarray(length));
      if (count === 0) return bytes.subarray(0, length);
      length += count ?? 0;
      if (length > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES >> 20} MB, so not a recipe`);
      waited = count === undefined ? waited + wait() : 0;
      if (waited > PATIENCE_MS) throw new Error("nothing was written to this pipe");
    }
  } finally {
    closeSync(descriptor);
    // Node 20 resolves no symbolic links while the last status that was read is a pipe's: what is imported next would not be found.
    statSync(".");
  }
}

/** Undefined while the writer of a pipe has written nothing. */
function readSome(descriptor: number, into: Buffer): number | undefined {
  try {
    return readSync(descriptor, into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

const STEP_MS = 20;

function wait(): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MS);
  return STEP_MS;
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readBytes(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: "no such file",
      EISDIR: "a directory, not a recipe",
      EACCES: "not readable",
      ERR_ENCODING_INVALID_ENCODED_DATA: "not UTF-8 text",
    };
    throw new ConfigError([{ path: "", message: reasons[code ?? ""] ?? message, where: path }]);
  }
}
