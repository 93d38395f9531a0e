/**
 * What is said of a process that is killed, in its place: a launcher ends the other ranks at once, and its own message knows no step. A shell
 * beside each rank, which costs a megabyte, reads the steps that the rank has completed, and speaks when they end without notice.
 */
import { spawn } from "node:child_process";

/** The line before an end with notice. */
const NOTICE = "ended";

// Launchers signal all processes of a rank: the shells of ranks that they end say nothing.
const SCRIPT = `
read -r name || exit 0
step=
while read -r line; do step=$line; done
[ "$step" = ${NOTICE} ] && exit 0
printf '%s%s was killed or has crashed; rerun the same command with --resume auto\\n' "\${step:+after step $step: }" "$name" >&2
`;

/** The shell of a rank. */
export interface LastWords {
  /** Says whose shell it is. */
  name(rank: string): void;
  /** A step was completed. */
  completed(step: number): void;
  /** The process ends in its own way: nothing is said of it. */
  end(): void;
}

/** Starts the shell, before MPI: some of its networks do not bear that a process forks later. Without a shell nothing is said. */
export function prepareLastWords(): LastWords {
  const shell = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "inherit"] });
  const { stdin } = shell;
  shell.on("error", () => {});
  stdin.on("error", () => {});
  shell.unref();
  const write = (line: string) => void stdin.write(`${line}\n`);
  return { name: write, completed: (step) => write(String(step)), end: () => write(NOTICE) };
}
