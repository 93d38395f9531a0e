/**
 * Stopping on SIGINT and SIGTERM: the first one raises a flag that the loop reads after each step, a second one ends the
 * process at once. Node only. Handlers run only when the loop yields to the event loop, once a step.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
export type StopSignal = (typeof SIGNALS)[number];

/** Ctrl+C reaches a process twice where npm, too, passes it on: signals so close together are one wish. */
const SAME_WISH_MILLISECONDS = 500;

export interface StopFlag {
  /** The signal that asked to stop; null while none did. */
  readonly requested: StopSignal | null;
  /** Leaves signals to whoever handled them before. */
  dispose(): void;
}

export interface StopOptions {
  /** Called once, at the first signal: to tell the user that the run will stop, and that a second signal ends it at once. */
  onRequest?: (signal: StopSignal) => void;
  /** What the signals arrive at, how to end it, and its clock in milliseconds: this process, unless a test says otherwise. */
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

/** Handles the signals from now on. A second one exits with 128 + its number, as shells report it. */
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
