/** Says how a column is named, where the user names them, in errors about one that is missing. */
import { UsageError } from "../errors.ts";

/** Runs `body`. An error about a missing column ends with how the user says which it is: an option, or a field of the recipe. */
export async function namingColumns<T>(how: "--column" | "recipe", body: () => T | Promise<T>): Promise<T> {
  const { MissingColumnError } = await import("@megatron-ts/tasks");
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof MissingColumnError)) throw error;
    const { field, message } = error;
    const hint = how === "--column" ? `--column ${field}=<column>` : `task.columns.${field} in the recipe`;
    throw new UsageError(`${message}. Name it with ${hint}`);
  }
}
