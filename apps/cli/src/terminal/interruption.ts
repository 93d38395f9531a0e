/** Ctrl+C where there is nothing to save: the bar goes, a line says what is left, and the process ends at once. */
import { constants } from "node:os";
import type { Terminal } from "./terminal.ts";

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * From now on, ends the process at a signal, with the exit code that shells give it.
 * @param consequence what becomes of the work, for whoever sent the signal
 * @returns leaves signals to whoever handled them before
 */
export function onInterrupt(terminal: Terminal, consequence: string): () => void {
  const listeners = signals.map((signal) => {
    const listener = () => {
      terminal.close();
      terminal.log(`interrupted (${signal}): ${consequence}`);
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return () => {
    for (const stop of listeners) stop();
  };
}
