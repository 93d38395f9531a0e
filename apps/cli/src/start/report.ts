/** What a start prints at its end: the loss curve, the score, a passage, and what to do next. */
import { join, relative } from "node:path";
import { openDataset, replaceFile } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { lossChart, lossSvg, readLossCurve } from "@megatron-ts/train";
import { streamCompletion } from "../generation/stream-completion.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";
import type { StartInputs, StartPaths } from "./directory.ts";
import type { StartScore } from "./score.ts";
import type { TextPart } from "./texts.ts";

/** The first whole words of a text, for the model to continue. */
export async function firstWords({ prefix, split }: TextPart, tokenizer: Tokenizer): Promise<string> {
  const dataset = await openDataset(prefix, { verify: false });
  try {
    const sequence = dataset.firstSequenceOf(dataset.documentsOf(split).start);
    const length = Math.min(24, dataset.lengths[sequence]!);
    const text = tokenizer.decode(dataset.read(sequence, { length }), { skipSpecialTokens: true });
    return text.trim().split(/\s+/).slice(1, 6).join(" ");
  } finally {
    dataset.close();
  }
}

/** Writes the loss curve as SVG and returns it as lines of text. */
export function drawCurve({ run, curve }: StartPaths): string {
  const points = readLossCurve(join(run, "metrics.jsonl"));
  replaceFile(curve, lossSvg(points));
  return lossChart(points, { width: 72, height: 10 });
}

export function printScore(
  { step, score, heldOut }: { step: number; score: StartScore; heldOut: TextPart },
  terminal: Terminal,
): void {
  const { bitsPerByte, perplexity, brotli } = score;
  const row = (name: string, bits: number, note = "") =>
    terminal.print(`  ${name.padEnd(43)} ${bits.toFixed(3)} ${note}`.trimEnd());
  terminal.print(`\nBits per byte of the held-out text (${heldOut.bytes.toLocaleString("en-US")} bytes):`);
  row(`the model after ${step} steps`, bitsPerByte, `(perplexity ${perplexity.toFixed(1)} per token)`);
  if (!brotli) return;
  row(`brotli -q ${brotli.level} -w 24`, brotli.alone);
  row(`brotli -q ${brotli.level}, primed with the training text`, brotli.primed);
}

export async function writePassage(trained: TrainedModel, prompt: string, terminal: Terminal): Promise<void> {
  terminal.print("\nIt writes:\n");
  const sampling = { maxTokens: 120, temperature: 0.8, topP: 0.95, seed: 1, specialTokens: "text" } as const;
  await streamCompletion(
    trained,
    { prompt, ...sampling, prediction: "causal", continues: true, bidirectionalPrompt: false },
    terminal,
  );
}

export function writeResult(
  { directory, result }: StartPaths,
  { step, score }: { step: number; score: StartScore },
  terminal?: Terminal,
): void {
  const summary = { directory, finished: true, step, ...score };
  replaceFile(result, `${JSON.stringify(summary, null, 2)}\n`);
  terminal?.json(summary);
}

export function printNext(
  { directory, run, curve }: StartPaths,
  { inputs, heldOut, prompt, minutes }: StartInputs & { prompt: string; minutes: number },
  terminal: Terminal,
): void {
  const program = commandName();
  const quoted = (texts: readonly string[]) =>
    texts.map((text) => (/^[\w./,:=-]+$/.test(text) ? text : JSON.stringify(text))).join(" ");
  terminal.print(`\nThe model is in ${directory}, its loss curve in ${curve}. Try next:`);
  terminal.print(
    `  ${program} generate ${quoted([run])} --prompt ${quoted([prompt])} --max-tokens 120 --temperature 0.8 --top-p 0.95`,
  );
  terminal.print(
    `  ${program} serve ${quoted([run])} --data --runs ${quoted([directory])}    # then open http://127.0.0.1:8000: write with it, and see why it writes so`,
  );
  const texts = [...inputs, ...(heldOut ? ["--held-out", ...heldOut] : [])];
  terminal.print(
    `  ${program} start ${quoted(texts)} --output ${quoted([directory])} --minutes ${Number((3 * minutes).toPrecision(3))}`,
  );
}

/** How the user called this program. */
function commandName(): string {
  const script = process.argv[1] ?? "";
  return script.endsWith("megatron.js") ? `node ${relative(process.cwd(), script)}` : "megatron";
}
