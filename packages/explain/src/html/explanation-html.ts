/** An explanation as a part of a page: what was said, which tokens made it so, layer by layer, and what heads look at. */
import type { ExplainedLayer, ExplainedOutput, Explanation } from "../reports.ts";
import { attentionHtml } from "./attention-html.ts";
import { escapeHtml, number, percent, shownToken } from "./escape.ts";

const QUESTIONS: Readonly<Record<Explanation["kind"], string>> = {
  "next-token": "What comes next",
  mask: "What the mask hides",
  label: "Which label",
};

/** HTML for a page with `explanationStyle`. */
export function explanationHtml(explanation: Explanation): string {
  const { kind, outputs, target, lens, attention, heads } = explanation;
  return `<div class="explanation">
<h2>${QUESTIONS[kind]}</h2>
${outputsHtml(outputs, { kind })}
${attributionHtml(explanation)}
${lens ? lensHtml(lens, { explanation, target }) : ""}
${neuronsHtml(explanation)}
${attention ? attentionHtml(attention, heads) : ""}
</div>`;
}

function neuronsHtml({ neurons, tokens, position }: Explanation): string {
  const rows = neurons.map(
    ({ layer, neuron, activation }) =>
      `<tr><th scope="row">Layer ${layer + 1}, neuron ${neuron + 1}</th><td class="number">${number(activation)}</td></tr>`,
  );
  return `<h2>Neurons</h2>
<p>The neurons of the feed-forward layers that are most active at <code>${shownToken(tokens[position ?? tokens.length - 1]!.text)}</code>.</p>
<table><thead><tr><th scope="col">Neuron</th><th scope="col">Activation</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function outputsHtml(outputs: readonly ExplainedOutput[], { kind }: Pick<Explanation, "kind">): string {
  const rows = outputs.map(
    ({ text, probability }) =>
      `<tr><th scope="row"><code>${kind === "label" ? escapeHtml(text) : shownToken(text)}</code></th><td class="number">${percent(probability)}</td></tr>`,
  );
  return `<table><thead><tr><th scope="col">${kind === "label" ? "Label" : "Token"}</th><th scope="col">Probability</th></tr></thead>
<tbody>${rows.join("")}</tbody></table>`;
}

function attributionHtml({ tokens, target, attribution, kind }: Explanation): string {
  const { integratedGradients, gradientTimesInput, leaveOneOut } = attribution;
  const { attributions, score, baselineScore, completenessError } = integratedGradients;
  const most = Math.max(...attributions.map(Math.abs), Number.MIN_VALUE);
  const items = tokens.map(({ text }, index) => {
    const value = attributions[index]!;
    const strength = (0.55 * Math.abs(value)) / most;
    const colour = value >= 0 ? "--accent" : "--against";
    return `<li style="background:rgb(var(${colour}) / ${strength.toFixed(3)})">${shownToken(text)}<small>${number(value)}</small></li>`;
  });
  const rows = tokens.map(({ text }, index) => {
    const cells = [attributions, gradientTimesInput, leaveOneOut].map(
      (values) => `<td class="number">${number(values[index]!)}</td>`,
    );
    return `<tr><th scope="row"><code>${shownToken(text)}</code></th>${cells.join("")}</tr>`;
  });
  const name = kind === "label" ? escapeHtml(target.text) : shownToken(target.text);
  return `<h2>Which tokens made it so</h2>
<p>How much each token adds to the log-probability of <code>${name}</code>, which is ${number(score)}, and ${number(baselineScore)} without
any token. Integrated gradients add up to the difference within ${percent(completenessError)}.</p>
<ul class="tokens">${items.join("")}</ul>
<details><summary>By three methods</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Attribution by three methods"><table>
<thead><tr><th scope="col">Token</th><th scope="col">Integrated gradients</th><th scope="col">Gradient \u00D7 input</th><th scope="col">Leave one out</th></tr></thead>
<tbody>${rows.join("")}</tbody></table></div></details>`;
}

function lensHtml(
  lens: readonly ExplainedLayer[],
  { explanation, target }: { explanation: Explanation; target: ExplainedOutput },
): string {
  const columns = explanation.tokens.map(({ text }) => `<th scope="col"><code>${shownToken(text)}</code></th>`);
  const rows = lens.map(({ likeliest }, index) => {
    const cells = likeliest.map(
      ({ text, probability }) =>
        `<td style="background:rgb(var(--accent) / ${(0.4 * probability).toFixed(3)})"><code>${shownToken(text)}</code> <small>${percent(probability)}</small></td>`,
    );
    return `<tr><th scope="row">${index === 0 ? "Embedding" : `Layer ${index}`}</th>${cells.join("")}</tr>`;
  });
  const place = explanation.position ?? 0;
  const path = lens.map(({ target: shares }) => percent(shares[place]!)).join(", ");
  return `<h2>Layer by layer</h2>
<p>What each layer would predict at each token if it were the last. The probability of <code>${shownToken(target.text)}</code>, layer by layer: ${path}.</p>
<div class="scroll" tabindex="0" role="group" aria-label="Predictions layer by layer"><table>
<thead><tr><th scope="col">After</th>${columns.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}
