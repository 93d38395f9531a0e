/** The program `megatron`: parses the command line, runs one command, and turns errors into messages and exit codes. */
import { CommanderError } from "commander";
import { splitOverrides } from "./options/recipe-options.ts";
import { withoutHelpForUnknown } from "./options/unknown-command.ts";
import { createProgram } from "./program.ts";
import { describeError } from "./terminal/describe-error.ts";
import { processTerminal, type Terminal } from "./terminal/terminal.ts";

/** Runs `megatron ...argv`. Returns the exit code: 0 for success, 2 for the user's mistake, 1 for anything else. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { overrides, rest } = splitOverrides(argv);
    const program = createProgram(terminal, overrides);
    await program.parseAsync(withoutHelpForUnknown(program, rest), { from: "user" });
    return 0;
  } catch (error) {
    // Commander has already printed the error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode } = describeError(error, { debug: Boolean(process.env.MEGATRON_DEBUG) });
    terminal.error(message);
    return exitCode;
  } finally {
    terminal.close();
  }
}

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader closed the pipe: `megatron ... | head`.
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`error: cannot write the output: ${describeError(error).message}\n`);
    process.exit(1);
  });
  // A closed stderr does not end a training run.
  process.stderr.on("error", () => {});
  process.exitCode = await main(process.argv.slice(2), processTerminal());
}
