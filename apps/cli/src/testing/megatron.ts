/** Runs command lines in the test process and captures their output. */
import { main } from "../main.ts";
import { createTerminal } from "../terminal/terminal.ts";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `megatron ...argv`, with neither stream a terminal. */
export async function megatron(...argv: string[]): Promise<Outcome> {
  const output = { stdout: "", stderr: "" };
  const collect = (name: keyof typeof output) => ({
    write(text: string) {
      output[name] += text;
    },
  });
  const terminal = createTerminal({
    stdout: collect("stdout"),
    stderr: collect("stderr") as unknown as NodeJS.WritableStream,
    environment: {},
  });
  const code = await main(argv, terminal);
  return { code, ...output };
}

/** Runs `megatron ...argv --json`, which must succeed, and parses the result. */
export async function megatronJson<Result>(...argv: string[]): Promise<Result> {
  const { code, stdout, stderr } = await megatron(...argv, "--json");
  if (code !== 0) throw new Error(`megatron ${argv.join(" ")} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Result;
}
