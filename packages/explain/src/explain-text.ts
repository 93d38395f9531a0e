/** Explains what a model says about a text by all methods of this package, as one JSON value. */
import * as tf from "@tensorflow/tfjs";
import { attentionMaps } from "./attention-maps.ts";
import { gradientTimesInput } from "./attribution/gradient-times-input.ts";
import { integratedGradients } from "./attribution/integrated-gradients.ts";
import { leaveOneOut } from "./attribution/leave-one-out.ts";
import { encodeText, showToken, type TextModel } from "./encode-text.ts";
import { ExplainError } from "./errors.ts";
import { headImportance } from "./head-importance.ts";
import { type LensLayer, logitLens } from "./logit-lens.ts";
import { strongestNeurons } from "./neurons/strongest-neurons.ts";
import { createReading, labelsOfModel } from "./reading.ts";
import type { ExplainedLayer, ExplainedOutput, Explanation } from "./reports.ts";

/** Options of `explainText`. */
export interface ExplainTextOptions {
  /** The output to explain: a label, or a text whose first token it is. Default: the likeliest. */
  target?: string;
  /** How many of the likeliest outputs are listed. Default: 5. */
  topK?: number;
  /** Whether to list attention maps, whose size grows with the square of the text. Default: true. */
  attention?: boolean;
}

/** The most numbers in the attention maps of a text, 64 MB of JSON. */
const MOST_SHARES = 8_000_000;

/** Explains a text. The engine must be started. Throws an ExplainError for a model, a text or a target that cannot be explained. */
export function explainText(
  { model, tokenizer }: TextModel,
  text: string,
  { target: wanted, topK = 5, attention = true }: ExplainTextOptions = {},
): Explanation {
  const { tokens, position } = encodeText({ model, tokenizer }, text);
  const { numLayers, numHeads } = model.config;
  if (attention && numLayers * numHeads * tokens.length ** 2 > MOST_SHARES) {
    throw new ExplainError(
      `the text has ${tokens.length} tokens, too many for attention maps: leave them out, or shorten the text`,
    );
  }
  const reading = createReading(model, tokens, { position });
  const labels = labelsOfModel(model.config);
  const nameOf = (index: number) => (labels ? labels[index]! : showToken(tokenizer, index));
  const output = tf.tidy(() => reading.read());
  const scores = output.dataSync();
  output.dispose();
  const outputOf = (index: number): ExplainedOutput => ({
    index,
    text: nameOf(index),
    probability: Math.exp(scores[index]!),
  });
  const best = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, Math.max(1, topK));
  const target = wanted === undefined ? best[0]! : targetOf(wanted, { labels, tokenizer, text });
  const isLayerwise = model.parameters.has(`${attentionMaps(reading)[0]?.layer}.output.weight`);
  return {
    text,
    tokens: tokens.map((id) => ({ id, text: showToken(tokenizer, id) })),
    kind: labels ? "label" : model.predictors.causal ? "next-token" : "mask",
    position: reading.position,
    target: outputOf(target),
    outputs: best.map(outputOf),
    attribution: {
      integratedGradients: integratedGradients(reading, { target }),
      gradientTimesInput: gradientTimesInput(reading, { target }),
      leaveOneOut: leaveOneOut(reading, { target }),
    },
    heads: isLayerwise ? headImportance(reading, { target }) : null,
    neurons: strongestNeurons(model, tokens, { position: reading.position ?? undefined, topK: 5 }),
    lens: labels ? null : logitLens(reading, { target }).map((layer) => named(layer, nameOf)),
    attention: attention ? attentionMaps(reading) : null,
  };
}

function named({ layer, likeliest, target }: LensLayer, nameOf: (index: number) => string): ExplainedLayer {
  return {
    layer,
    likeliest: likeliest.map(({ token, probability }) => ({ index: token, text: nameOf(token), probability })),
    target,
  };
}

function targetOf(
  wanted: string,
  { labels, tokenizer, text }: { labels: readonly string[] | null; tokenizer: TextModel["tokenizer"]; text: string },
): number {
  if (labels) {
    const found = labels.indexOf(wanted);
    if (found >= 0) return found;
    throw new ExplainError(`the label ${JSON.stringify(wanted)} is not one of the model's: ${labels.join(", ")}`);
  }
  const [first] = tokenizer.encode(wanted, { addSpecialTokens: false });
  if (first !== undefined) return first;
  throw new ExplainError(`the target of ${JSON.stringify(text)} is empty: expected a token`);
}
