/** Runs command lines in this process and tells what a user would have seen. For tests. */
import { main } from "../main.ts";
import { createTerminal } from "../terminal/terminal.ts";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** `megatron ...argv`, with neither stream a terminal. */
export async function megatron(...argv: string[]): Promise<Outcome> {
  const seen = { stdout: "", stderr: "" };
  const collect = (name: keyof typeof seen) => ({
    write(text: string) {
      seen[name] += text;
    },
  });
  const terminal = createTerminal({
    stdout: collect("stdout"),
    stderr: collect("stderr") as unknown as NodeJS.WritableStream,
    environment: {},
  });
  const code = await main(argv, terminal);
  return { code, ...seen };
}

/** The same where it must succeed, with its `--json` parsed. */
export async function megatronJson<Result>(...argv: string[]): Promise<Result> {
  const { code, stdout, stderr } = await megatron(...argv, "--json");
  if (code !== 0) throw new Error(`megatron ${argv.join(" ")} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Result;
}
