/**
 * Handles SIGINT, SIGTERM and SIGHUP: the first sets a flag that the loop checks after each step, the second exits at once. Node
 * only. Handlers run only when the loop yields to the event loop, once per step.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A signal that stops a run. */
export type StopSignal = (typeof SIGNALS)[number];

/** Ctrl+C reaches a process twice if npm forwards it too: signals this close together count as one, in milliseconds. */
const SAME_WISH_MILLISECONDS = 500;

/** Whether a stop was requested. */
export interface StopFlag {
  /** The signal that requested the stop; null before that. */
  readonly requested: StopSignal | null;
  /** Removes the handlers. */
  dispose(): void;
}

/** Options of `listenForStop`. */
export interface StopOptions {
  /** Called at the first signal, for a message to the user. */
  onRequest?: (signal: StopSignal) => void;
  /** Where signals arrive, how to exit, and the clock in milliseconds. Default: this process. */
  host?: {
    on(signal: StopSignal, listener: () => void): unknown;
    off(signal: StopSignal, listener: () => void): unknown;
    exit(code: number): void;
    now(): number;
  };
}

const thisProcess: NonNullable<StopOptions["host"]> = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
  now: () => performance.now(),
};

/** Starts handling the signals. The second one exits with 128 + its number, as shells do. */
export function listenForStop({ onRequest, host = thisProcess }: StopOptions = {}): StopFlag {
  let requested: StopSignal | null = null;
  let since = 0;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      if (requested !== null) {
        if (host.now() - since >= SAME_WISH_MILLISECONDS) host.exit(128 + constants.signals[signal]);
        return;
      }
      requested = signal;
      since = host.now();
      onRequest?.(signal);
    };
    host.on(signal, listener);
    return { signal, listener };
  });
  return {
    get requested() {
      return requested;
    },
    dispose: () => {
      for (const { signal, listener } of listeners) host.off(signal, listener);
    },
  };
}
