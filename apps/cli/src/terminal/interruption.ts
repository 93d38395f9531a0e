/** Handles Ctrl+C in commands that have nothing to save: clears the progress bar, prints a line and exits. */
import { constants } from "node:os";
import type { Terminal } from "./terminal.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Exits the process at the next signal, with the exit code that shells expect.
 * @param consequence what happens to the work so far, for the user to read
 * @returns removes the handlers
 */
export function exitOnInterrupt(terminal: Terminal, consequence: string): () => void {
  const removers = SIGNALS.map((signal) => {
    const listener = () => {
      terminal.close();
      terminal.log(`interrupted (${signal}): ${consequence}`);
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return () => {
    for (const remove of removers) remove();
  };
}
