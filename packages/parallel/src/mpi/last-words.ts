/**
 * What is said of a process that ends before its run does: a launcher ends the other ranks at once, and its own message knows no step. Who exits
 * says it itself. Who is killed cannot: a shell beside each rank, which costs a megabyte, reads the steps that the rank has completed, and
 * speaks when they end without notice.
 */
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";

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

/** Starts the shell, before MPI: some of its networks do not bear that a process forks later. Without one nothing is said of who is killed. */
export function prepareLastWords(): LastWords {
  const shell = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "inherit"] });
  const { stdin } = shell;
  shell.on("error", () => {});
  stdin.on("error", () => {});
  shell.unref();
  const write = (line: string) => void stdin.write(`${line}\n`);
  let [name, when] = ["", ""];

  function exits(code: number): void {
    write(NOTICE);
    writeSync(2, `${when}${name} exited with code ${code}; rerun the same command with --resume auto\n`);
  }

  return {
    name(rank) {
      name = rank;
      write(name);
      process.once("exit", exits);
    },
    completed(step) {
      when = `after step ${step}: `;
      write(String(step));
    },
    end() {
      process.off("exit", exits);
      write(NOTICE);
    },
  };
}
