/**
 * Where a command writes: results to stdout, what happens meanwhile to stderr. Bars and colours only where a person
 * watches; everything else is plain lines, so that logs and pipes stay readable.
 */
import { MultiBar } from "cli-progress";

const colours = { bold: 1, red: 31, cyan: 36 } as const;

export interface Progress {
  /** @param fraction done, 0 to 1 @param note what else is worth knowing, on the same line */
  update(fraction: number, note: string): void;
  stop(): void;
}

export interface Terminal {
  /** A line of the result. */
  print(line: string): void;
  /** A piece of the result, as it stands. */
  write(text: string): void;
  /** A line about what happens. */
  log(line: string): void;
  /** The text in a colour, where colours are shown. */
  paint(colour: keyof typeof colours, text: string): string;
  /** A bar that lines of the log do not tear; nothing where nobody watches. */
  progress(title: string): Progress;
  /** Takes what is left of a bar away. */
  close(): void;
}

/** What the terminal of a process needs of it. */
export interface Streams {
  stdout: { write(text: string): unknown };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  environment: Record<string, string | undefined>;
}

export function createTerminal({ stdout, stderr, environment }: Streams): Terminal {
  const watched = stderr.isTTY === true && environment.TERM !== "dumb";
  const coloured = watched && !environment.NO_COLOR;
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
    paint: (colour, text) => (coloured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text),
    progress(title) {
      if (!watched) return { update() {}, stop() {} };
      stopBar();
      bars = new MultiBar({
        stream: stderr,
        format: `${title} {bar} {percentage}%{note}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 24,
        clearOnComplete: true,
        // Signals belong to the command: a run saves first.
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
