/** Explanations as HTML, without scripts: a whole file, or a part of a page. Runs in browsers, and knows no tensors. */
export type { Explanation, NeuronPassages, TrainingPassages } from "../reports.ts";
export { explanationHtml } from "./explanation-html.ts";
export { explanationPage } from "./explanation-page.ts";
export { neuronPassagesHtml } from "./neuron-passages-html.ts";
export { passagesHtml } from "./passages-html.ts";
export { explanationStyle } from "./style.ts";
