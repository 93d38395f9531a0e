/** The program `megatron`: reads the command line, runs one verb, and turns whatever goes wrong into a line and an exit code. */
import { CommanderError } from "commander";
import { splitOverrides } from "./options/recipe-options.ts";
import { createProgram } from "./program.ts";
import { describeFailure } from "./terminal/describe-error.ts";
import { processTerminal, type Terminal } from "./terminal/terminal.ts";

/** Runs `megatron ...argv`. Gives the exit code: 0 done, 2 the user's mistake, 1 anything else. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { overrides, rest } = splitOverrides(argv);
    await createProgram(terminal, overrides).parseAsync(rest, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has already said what was wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode } = describeFailure(error, { debug: Boolean(process.env.MEGATRON_DEBUG) });
    for (const line of message.split("\n")) terminal.log(`${terminal.paint("red", "error:")} ${line}`);
    return exitCode;
  } finally {
    terminal.close();
  }
}

/** Runs this process's own command line and leaves its exit code. */
export async function runProcess(): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read our output has had enough: `megatron ... | head`.
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`error: cannot write the output: ${describeFailure(error).message}\n`);
    process.exit(1);
  });
  // A run does not end because nobody reads its log any more.
  process.stderr.on("error", () => {});
  process.exitCode = await main(process.argv.slice(2), processTerminal());
}
