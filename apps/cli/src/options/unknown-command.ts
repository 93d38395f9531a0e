/** Makes commander reject an unknown command even if the command line asks for its help. */
import type { Command } from "commander";

const HELP = new Set(["help", "-h", "--help"]);

/**
 * Leaves out the request for help from a command line that names an unknown command, so that commander reports the
 * unknown command; it would show the parent's help otherwise.
 */
export function withoutHelpForUnknown(program: Command, argv: readonly string[]): string[] {
  let command = program;
  for (const argument of argv) {
    if (argument.startsWith("-") || HELP.has(argument)) continue;
    if (command.commands.length === 0) break;
    const next = command.commands.find((known) => known.name() === argument);
    if (!next) return argv.filter((other) => !HELP.has(other));
    command = next;
  }
  return [...argv];
}
