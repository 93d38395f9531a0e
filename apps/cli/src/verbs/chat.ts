/** `megatron chat`: a chat in the terminal, with a checkpoint or with a server. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  system?: string;
  temperature: number;
  maxTokens?: number;
  seed?: number;
  chatTemplate?: string;
  apiKeyFile?: string;
  json?: boolean;
}

export function addChat(program: Command, terminal: Terminal): void {
  const command = program
    .command("chat")
    .usage("<run or url> [options]")
    .description("chat in the terminal, one message a line; an empty line starts over, Ctrl+D ends")
    .argument("<run or url>", "run directory or checkpoint, or a server such as http://127.0.0.1:8000", nonEmpty)
    .option("--system <text>", "system message at the start of the chat", nonEmpty)
    .option("--temperature <t>", "0 is greedy", number, 0.8)
    .option("--max-tokens <n>", "the most tokens of an answer (default: up to the model's last position)", integer(1))
    .option("--seed <n>", "random seed (default: another for each answer)", integer(0))
    .option("--chat-template <file>", "Jinja template for chats (default: the checkpoint's)", nonEmpty)
    .option("--api-key-file <file>", "file whose first line is the key to send to a server", nonEmpty)
    .action((target: string, options: Options) => run(target, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron chat runs/assistant --system 'Answer in one sentence.'",
    "megatron chat http://127.0.0.1:8000 --temperature 0",
    "echo 'Who are you?' | megatron chat runs/assistant --json",
  ]);
}

async function run(target: string, options: Options, terminal: Terminal): Promise<void> {
  const { createChat, startServer } = await import("@megatron-ts/server");
  const isUrl = /^https?:\/\//.test(target) && URL.canParse(target);
  const { backend, threads, chatTemplate, apiKeyFile } = options;
  const server = isUrl
    ? null
    : await startServer({
        ...{ checkpoint: target, port: 0, backend, threads },
        chatTemplate: chatTemplate === undefined ? undefined : readFileSync(chatTemplate, "utf8"),
      });
  try {
    await server?.ready;
    const chat = createChat({
      url: server?.url ?? target.replace(/\/+(v1\/*)?$/, ""),
      apiKey: apiKeyFile && readFileSync(apiKeyFile, "utf8").split("\n")[0]!.trim(),
      system: options.system,
      parameters: { temperature: options.temperature, max_completion_tokens: options.maxTokens, seed: options.seed },
    });
    await converse(chat, options, terminal);
  } finally {
    await server?.close();
  }
}

/** Reads messages and writes answers until the input ends. */
async function converse(
  chat: { send(message: string): AsyncIterable<string>; clear(): void },
  { json }: Options,
  terminal: Terminal,
): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  if (process.stdin.isTTY) terminal.log("One message a line; an empty line starts over, Ctrl+D ends.");
  for await (const line of lines) {
    if (line.trim() === "") {
      chat.clear();
      if (process.stdin.isTTY) terminal.log("Started over.");
      continue;
    }
    let answer = "";
    for await (const piece of chat.send(line)) {
      answer += piece;
      if (!json) terminal.write(piece);
    }
    if (json) terminal.json({ message: line, answer });
    else terminal.write("\n");
  }
}
