/** Turns whatever was thrown into a message for the user and an exit code. */
import { describeSystemError } from "@megatron-ts/errors";

export interface ErrorDescription {
  message: string;
  /** 2 for the user's mistake, 1 for anything else. */
  exitCode: 1 | 2;
}

/** @param options.debug appends the stack trace */
export function describeError(error: unknown, { debug = false }: { debug?: boolean } = {}): ErrorDescription {
  const description = describe(error);
  const trace = debug && error instanceof Error && error.stack ? `\n${error.stack}` : "";
  return { ...description, message: description.message + trace };
}

function describe(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { message: String(error), exitCode: 1 };
  const { userError, path } = error as NodeJS.ErrnoException & { userError?: boolean };
  if (userError !== undefined) return { message: error.message, exitCode: userError ? 2 : 1 };
  const system = describeSystemError(error);
  if (system) {
    const message = path === undefined ? system.reason : `${path}: ${system.reason}`;
    return { message, exitCode: system.userError && path !== undefined ? 2 : 1 };
  }
  return { message: `${error.message} (set MEGATRON_DEBUG=1 for a stack trace)`, exitCode: 1 };
}
