/** The passages that make a neuron most active, as a part of a page: each token the stronger coloured, the more active the neuron is. */
import type { NeuronPassage, NeuronPassages } from "../reports.ts";
import { escapeHtml, number, shownToken } from "./escape.ts";
import { placeOf } from "./passages-html.ts";

/** HTML for a page with `explanationStyle`. */
export function neuronPassagesHtml({ layer, neuron, passages }: NeuronPassages): string {
  const all = passages.flatMap(({ tokens }) => tokens.map(({ activation }) => Math.abs(activation)));
  const most = all.reduce((a, b) => Math.max(a, b), Number.MIN_VALUE);
  return `<div class="explanation">
<h2>What makes neuron ${neuron + 1} of layer ${layer + 1} most active</h2>
<p>Passages that are spread over the training data, those with the highest activation first. The stronger the color of a token, the more active the neuron is at it.</p>
<ol class="passages">${passages.map((passage) => passageHtml(passage, most)).join("")}</ol>
</div>`;
}

function passageHtml({ tokens, peak, ...place }: NeuronPassage, most: number): string {
  const background = (activation: number) => {
    const colour = activation >= 0 ? "--accent" : "--against";
    return `background:rgb(var(${colour}) / ${((0.45 * Math.abs(activation)) / most).toFixed(3)})`;
  };
  const text = tokens.map((token) => `<span style="${background(token.activation)}">${escapeHtml(token.text)}</span>`);
  const items = tokens.map(
    (token) =>
      `<li style="${background(token.activation)}">${shownToken(token.text)}<small>${number(token.activation)}</small></li>`,
  );
  const highest = tokens[peak]!;
  return `<li><q>${text.join("")}</q><small>${number(highest.activation)} at <code>${shownToken(highest.text)}</code>; ${placeOf(place)}</small>
<details><summary>Token by token</summary><ul class="tokens">${items.join("")}</ul></details></li>`;
}
