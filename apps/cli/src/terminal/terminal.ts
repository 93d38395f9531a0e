/**
 * A command's output: results to stdout, progress and messages to stderr. Progress bars and colors are only shown on a
 * terminal; logs and pipes get plain lines. On a terminal, control characters in any text are shown escaped; files and
 * pipes get them unchanged.
 */
import { MultiBar } from "cli-progress";
import { escapeControls, escapeJsonControls } from "./escape-controls.ts";

interface Progress {
  /** @param fraction completed, 0 to 1 @param note text after the percentage */
  update(fraction: number, note: string): void;
  stop(): void;
}

export interface Terminal {
  /** Whether progress bars are shown. */
  readonly interactive: boolean;
  /** Characters that a logged line may have: those of the terminal, Infinity where stderr is none. */
  readonly width: number;
  /** Prints a line of the result. */
  print(line: string): void;
  /** Prints the result as JSON, with all control characters escaped as JSON has it. */
  json(value: unknown): void;
  /** Writes a piece of the result, without a line break. */
  write(text: string): void;
  /** Prints a message on stderr. */
  log(line: string): void;
  /** Prints an error message on stderr, with a label on every line. */
  error(message: string): void;
  /** Starts a progress bar that stays below logged lines. Shows nothing unless stderr is a terminal. */
  progress(title: string): Progress;
  /** Clears the progress bar, if any. */
  close(): void;
}

/** The streams and environment variables of a process. */
export interface Streams {
  stdout: { write(text: string): unknown; isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  environment: Record<string, string | undefined>;
}

export function createTerminal({ stdout, stderr, environment }: Streams): Terminal {
  const interactive = stderr.isTTY === true && environment.TERM !== "dumb";
  const errorLabel = interactive && !environment.NO_COLOR ? "\u001b[31merror:\u001b[0m" : "error:";
  const show = (stream: { isTTY?: boolean }, text: string) => (stream.isTTY ? escapeControls(text) : text);
  let bars: MultiBar | null = null;

  function stopBar() {
    bars?.update();
    bars?.stop();
    bars = null;
  }

  function writeLine(line: string) {
    if (bars) {
      bars.log(`${line}\n`);
      bars.update();
    } else {
      stderr.write(`${line}\n`);
    }
  }

  return {
    interactive,
    get width() {
      return (interactive && stderr.columns) || Number.POSITIVE_INFINITY;
    },
    print: (line) => void stdout.write(`${show(stdout, line)}\n`),
    json: (value) => void stdout.write(`${escapeJsonControls(JSON.stringify(value))}\n`),
    write: (text) => void stdout.write(show(stdout, text)),
    log: (line) => writeLine(show(stderr, line)),
    error(message) {
      for (const line of message.split("\n")) writeLine(`${errorLabel} ${show(stderr, line)}`);
    },
    progress(title) {
      if (!interactive) return { update() {}, stop() {} };
      stopBar();
      bars = new MultiBar({
        stream: stderr,
        format: `${title} {bar} {percentage}%{note}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 24,
        clearOnComplete: true,
        // The command handles signals: training saves a checkpoint first.
        gracefulExit: false,
        hideCursor: false,
        emptyOnZero: true,
      });
      const own = bars;
      const bar = bars.create(1000, 0, { note: "" });
      return {
        update: (fraction, note) =>
          bar.update(Math.round(1000 * Math.min(1, fraction)), { note: ` | ${show(stderr, note)}` }),
        stop: () => {
          if (bars === own) stopBar();
        },
      };
    },
    close: stopBar,
  };
}

export const processTerminal = (): Terminal =>
  createTerminal({ stdout: process.stdout, stderr: process.stderr, environment: process.env });
