/** `megatron tokenizer encode`: prints the tokens of a text. */
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addTokenizerEncode(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("encode")
    .description("print the token ids of a text")
    .argument("<tokenizer>", "tokenizer directory or tokenizer.json")
    .argument("<text>", "text to encode")
    .action((path: string, text: string, options: { json?: boolean }) => run({ path, text, ...options }, terminal));
  addExamples(addJsonOption(command), [
    'megatron tokenizer encode tok/ "Call me Ishmael."',
    'megatron tokenizer encode tok/ "Call me Ishmael." --json',
  ]);
}

async function run({ path, text, json }: { path: string; text: string; json?: boolean }, terminal: Terminal) {
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const tokenizer = await loadTokenizer(path);
  const ids = Array.from(tokenizer.encode(text));
  if (!json) return terminal.print(ids.join(" "));
  terminal.json({ ids, tokens: ids.map((id) => tokenizer.idToToken(id)) });
}
