/** A separate process: for each time it reads from stdin, tries to take a lock at that time and prints whether it did. */
import { takeLock } from "../files/lock.ts";

const [path] = process.argv.slice(2);
let release: (() => void) | null = null;

/** "take <milliseconds since 1970>" answers "held" or "refused"; "release" answers "released". */
function obey(command: string): string {
  const [verb, time] = command.split(" ");
  if (verb === "release") {
    release?.();
    release = null;
    return "released";
  }
  while (performance.timeOrigin + performance.now() < Number(time)); // All processes at once.
  try {
    release = takeLock(path!, { refuse: () => new Error("refused") });
    return "held";
  } catch (error) {
    return (error as Error).message;
  }
}

let rest = "";
process.stdin.setEncoding("utf8").on("data", (text) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) process.stdout.write(`${obey(line)}\n`);
});
process.stdout.write("ready\n");
