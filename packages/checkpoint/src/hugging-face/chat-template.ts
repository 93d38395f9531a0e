/** The chat template that a checkpoint brings along: chat_template.jinja, or the one in its tokenizer_config.json. */
import type { LoadedCheckpoint } from "../load-checkpoint.ts";

/** The name under which checkpoints keep a template, as Hugging Face's directories do. */
export const CHAT_TEMPLATE_FILE = "chat_template.jinja";
const TOKENIZER_CONFIG = "tokenizer_config.json";

/** The text of the default template, or undefined. */
export function chatTemplateOf(checkpoint: Pick<LoadedCheckpoint, "manifest" | "readFile">): string | undefined {
  const has = (file: string) => checkpoint.manifest.files.some(({ name }) => name === file);
  const read = (file: string) => Buffer.from(checkpoint.readFile(file)).toString("utf8");
  if (has(CHAT_TEMPLATE_FILE)) return read(CHAT_TEMPLATE_FILE);
  if (!has(TOKENIZER_CONFIG)) return undefined;
  const { chat_template: template } = JSON.parse(read(TOKENIZER_CONFIG)) as { chat_template?: unknown };
  if (typeof template === "string") return template;
  const named = Array.isArray(template) ? (template as { name?: string; template?: string }[]) : [];
  return named.find(({ name }) => name === "default")?.template;
}
