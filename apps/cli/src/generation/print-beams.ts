/** Prints the best texts that beam search finds for a prompt. */
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";
import type { WritingOptions } from "./generation-mode.ts";

/** Options of beam search on the command line. */
export interface BeamOptions {
  prompt: string;
  maxTokens: number;
  specialTokens: "text" | "ids";
  beams: number;
  beamGroups?: number;
  diversityPenalty?: number;
  nBest?: number;
  lengthPenalty?: number;
  earlyStopping?: boolean;
  distinctNgrams?: number;
  json?: boolean;
}

export async function printBeams(
  { directory, model, tokenizer, generationTokens }: TrainedModel,
  { prediction, bidirectionalPrompt, continues, prompt, json, ...options }: BeamOptions & WritingOptions,
  terminal: Terminal,
): Promise<void> {
  const { generateBeams } = await import("@megatron-ts/generate");
  const [beams] = generateBeams({ model, tokenizer }, [prompt], {
    ...generationTokens,
    maxTokens: options.maxTokens,
    specialTokens: options.specialTokens,
    prediction,
    bidirectionalPrompt,
    numBeams: options.beams,
    numBeamGroups: options.beamGroups,
    diversityPenalty: options.diversityPenalty,
    numReturn: options.nBest,
    lengthPenalty: options.lengthPenalty,
    earlyStopping: options.earlyStopping,
    noRepeatNgramSize: options.distinctNgrams,
  });
  if (json) return terminal.json({ checkpoint: directory, prompt, beams });
  for (const { text, score } of beams!) {
    const whole = continues ? prompt + text : text;
    terminal.print(options.nBest === undefined ? whole : `${score.toFixed(4)}  ${whole}`);
  }
}
