/** Reads a recipe from a file. Node only; everything else about recipes is in recipe.ts. */
import { readFileSync } from "node:fs";
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

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
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
