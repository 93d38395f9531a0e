/**
 * A command's output: results to stdout, progress and messages to stderr. Progress bars and colors are only shown on a
 * terminal; logs and pipes get plain lines.
 */
import { MultiBar } from "cli-progress";

const COLORS = { bold: 1, red: 31, cyan: 36 } as const;

export interface Progress {
  /** @param fraction completed, 0 to 1 @param note text after the percentage */
  update(fraction: number, note: string): void;
  stop(): void;
}

export interface Terminal {
  /** Prints a line of the result. */
  print(line: string): void;
  /** Writes a piece of the result, without a line break. */
  write(text: string): void;
  /** Prints a message on stderr. */
  log(line: string): void;
  /** Colors the text if colors are shown. */
  paint(color: keyof typeof COLORS, text: string): string;
  /** Starts a progress bar that stays below logged lines. Shows nothing unless stderr is a terminal. */
  progress(title: string): Progress;
  /** Clears the progress bar, if any. */
  close(): void;
}

/** The streams and environment variables of a process. */
export interface Streams {
  stdout: { write(text: string): unknown };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  environment: Record<string, string | undefined>;
}

export function createTerminal({ stdout, stderr, environment }: Streams): Terminal {
  const interactive = stderr.isTTY === true && environment.TERM !== "dumb";
  const colored = interactive && !environment.NO_COLOR;
  let bars: MultiBar | null = null;

  function stopBar() {
    bars?.update();
    bars?.stop();
    bars = null;
  }

  return {
    print: (line) => void stdout.write(`${line}\n`),
    write: (text) => void stdout.write(text),
    log(line) {
      if (bars) {
        bars.log(`${line}\n`);
        bars.update();
      } else {
        stderr.write(`${line}\n`);
      }
    },
    paint: (color, text) => (colored ? `\u001b[${COLORS[color]}m${text}\u001b[0m` : text),
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
        update: (fraction, note) => bar.update(Math.round(1000 * Math.min(1, fraction)), { note: ` | ${note}` }),
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
