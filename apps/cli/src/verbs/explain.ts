/** `megatron explain`: says why a model says what it says about a text, in the terminal and as an HTML file. */
import { writeFileSync } from "node:fs";
import type { ExplainedOutput, Explanation } from "@megatron-ts/explain";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { type NeuronOption, neuronOption } from "../options/neuron-option.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import { type AdapterOptions, addAdapterOption } from "../options/task-options.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadTrainedModel } from "../trained-model.ts";

interface Options extends EngineOptions, AdapterOptions {
  text: string;
  target?: string;
  topK: number;
  attention: boolean;
  data?: true | string[];
  write: number;
  neuron?: true | NeuronOption;
  html?: string;
  json?: boolean;
}

export function addExplain(program: Command, terminal: Terminal): void {
  const command = program
    .command("explain")
    .usage("<checkpoint> --text <text> [--html <file>] [options]")
    .description("say why a model predicts a token or a label: attribution, logit lens, heads, attention maps")
    .argument("<checkpoint>", "run directory or checkpoint")
    .requiredOption("--text <text>", "text to continue, with a mask to fill, or to classify", nonEmpty)
    .option("--target <text>", "token or label to explain (default: the likeliest)", nonEmpty)
    .option("--top-k <n>", "likeliest outputs to list", integer(1, 100), 5)
    .option("--data [prefixes...]", "also find the nearest passages of this prepared data (default: the run's own)")
    .option("--write <n>", "with --data: search for <n> tokens that the model writes after the text", integer(0), 0)
    .option(
      "--neuron [layer:n]",
      "with --data: the passages that make this neuron most active, such as 3:17 (default: the text's most active one)",
      neuronOption,
    )
    .option("--html <file>", "file to write the whole explanation to, attention maps included", nonEmpty)
    .option("--no-attention", "leave out the attention maps, whose size grows with the square of the text")
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(addAdapterOption(command))), [
    'megatron explain runs/a --text "My fellow" --html explained.html',
    'megatron explain runs/a --text "My fellow" --data --write 40',
    'megatron explain runs/a --text "My fellow" --data --neuron',
    'megatron explain runs/topics --text "Rates rise again" --target business',
  ]);
}

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { explainText } = await import("@megatron-ts/explain");
  const { explanationPage } = await import("@megatron-ts/explain/html");
  const { findTrainingPassages, describePassages, prefixesOf } = await import("../explanation/training-passages.ts");
  const { describeNeuron, neuronAskedFor, readNeuronPassages } = await import("../explanation/neuron-passages.ts");
  const { text, target, topK, html, data, write, neuron } = options;
  if (write > 0 && data === undefined) throw new UsageError("--write needs --data, in which it is searched");
  if (neuron && data === undefined) throw new UsageError("--neuron needs --data, whose passages are read");
  await startEngine(options, terminal);
  const trained = await loadTrainedModel(path, { adapter: options.adapter });
  const { model, tokenizer, directory } = trained;
  try {
    const attention = options.attention && (html !== undefined || options.json === true);
    const explanation = explainText({ model, tokenizer }, text, { target, topK, attention });
    const passages =
      data === undefined ? undefined : await findTrainingPassages(trained, { text, data, write, topK }, terminal);
    const neuronPassages =
      neuron && data !== undefined
        ? await readNeuronPassages(
            trained,
            { ...neuronAskedFor(neuron, explanation), prefixes: prefixesOf(trained, data), topK },
            terminal,
          )
        : undefined;
    if (html !== undefined)
      writeFileSync(html, explanationPage(explanation, { title: `Explained: ${path}`, passages, neuronPassages }));
    if (options.json) return terminal.json({ checkpoint: directory, html, ...explanation, passages, neuronPassages });
    for (const line of describe(explanation)) terminal.print(line);
    if (passages) {
      terminal.print("");
      for (const line of describePassages(passages)) terminal.print(line);
    }
    if (neuronPassages) {
      terminal.print("");
      for (const line of describeNeuron(neuronPassages)) terminal.print(line);
    }
    if (html !== undefined) terminal.log(`explained in ${html}`);
  } finally {
    model.dispose();
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const signed = (value: number) => (value < 0 ? "" : "+") + value.toFixed(2);
const nameOf = ({ text }: ExplainedOutput) => JSON.stringify(text);

function* describe({
  outputs,
  target,
  tokens,
  attribution,
  lens,
  heads,
  neurons,
  position,
}: Explanation): Generator<string> {
  yield `Likeliest: ${outputs.map((output) => `${nameOf(output)} ${percent(output.probability)}`).join(", ")}`;
  const { attributions, score, baselineScore, completenessError } = attribution.integratedGradients;
  yield "";
  yield `What adds to the log-probability of ${nameOf(target)}, ${signed(score)}; without any token it is ${signed(baselineScore)}:`;
  const most = Math.max(...attributions.map(Math.abs));
  for (const [index, { text }] of tokens.entries()) {
    const value = attributions[index]!;
    const bar = (value < 0 ? "-" : "+").repeat(Math.round((24 * Math.abs(value)) / most));
    yield `  ${signed(value).padStart(6)}  ${JSON.stringify(text).padEnd(16)} ${bar}`.trimEnd();
  }
  yield `  (integrated gradients, complete within ${percent(completenessError)})`;
  if (lens) {
    yield "";
    yield `Layer by layer, what would be predicted, and the probability of ${nameOf(target)}:`;
    for (const [index, { likeliest, target: shares }] of lens.entries()) {
      const name = index === 0 ? "embedding" : `layer ${index}`;
      yield `  ${name.padEnd(10)} ${nameOf(likeliest[position!]!).padEnd(16)} ${percent(shares[position!]!)}`;
    }
  }
  if (heads) {
    const all = heads.flatMap((layer, index) => layer.heads.map((value, head) => ({ index, head, value })));
    const important = all.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 5);
    const described = important.map(
      ({ index, head, value }) => `layer ${index + 1} head ${head + 1} (${signed(value)})`,
    );
    yield "";
    yield `Heads that matter most: ${described.join(", ")}`;
  }
  const active = neurons.map(({ layer, neuron, activation }) => `${layer + 1}:${neuron + 1} (${signed(activation)})`);
  yield "";
  yield `Neurons most active at ${JSON.stringify(tokens[position ?? tokens.length - 1]!.text)}, by layer and number: ${active.join(", ")}`;
}
