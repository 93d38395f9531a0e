/** An explanation as one HTML file that needs nothing else: no script, no network. */
import type { Explanation, NeuronPassages, TrainingPassages } from "../reports.ts";
import { escapeHtml } from "./escape.ts";
import { explanationHtml } from "./explanation-html.ts";
import { neuronPassagesHtml } from "./neuron-passages-html.ts";
import { passagesHtml } from "./passages-html.ts";
import { explanationStyle } from "./style.ts";

/**
 * The file's contents.
 * @param options.title what was explained, such as the model's name
 * @param options.passages what in the training data is nearest to the text
 * @param options.neuronPassages what in the training data makes a neuron most active
 */
export function explanationPage(
  explanation: Explanation,
  { title, passages, neuronPassages }: { title: string; passages?: TrainingPassages; neuronPassages?: NeuronPassages },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
body { margin: 0; background: Canvas; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font: 600 1.75rem/1.25 system-ui, sans-serif; margin: 0 0 .5rem; }
blockquote { font: 1rem/1.5 system-ui, sans-serif; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
${explanationStyle}
</style>
</head>
<body><main>
<h1>${escapeHtml(title)}</h1>
<blockquote>${escapeHtml(explanation.text)}</blockquote>
${explanationHtml(explanation)}
${passages ? passagesHtml(passages) : ""}
${neuronPassages ? neuronPassagesHtml(neuronPassages) : ""}
</main></body>
</html>
`;
}
