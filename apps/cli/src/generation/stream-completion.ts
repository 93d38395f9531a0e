/** Prints the text generated from a prompt, as it is generated. */
import type { DraftOutcome, Pattern } from "@megatron-ts/generate";
import type { Model } from "@megatron-ts/model";
import { UsageError } from "../errors.ts";
import { readSmallFile } from "../read-small-file.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";
import type { WritingOptions } from "./generation-mode.ts";
import { logitBiases } from "./logit-biases.ts";

export interface CompletionOptions {
  prompt: string;
  maxTokens: number;
  temperature: number;
  specialTokens: "text" | "ids";
  topK?: number;
  topP?: number;
  minP?: number;
  typicalP?: number;
  repetitionPenalty?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  /** Each a token's id and a number: 42=-100. */
  logitBias?: readonly string[];
  /** What the whole text must match; or a file with the schema of the JSON that it must be. */
  regex?: string;
  jsonSchema?: string;
  stop?: string[];
  seed: number;
  precision?: "f32" | "bf16";
  draft?: string;
  draftTokens?: number;
  json?: boolean;
}

export async function streamCompletion(
  trained: TrainedModel,
  { draft: draftPath, draftTokens, ...options }: CompletionOptions & WritingOptions,
  terminal: Terminal,
): Promise<void> {
  if (draftPath === undefined) return write(trained, options, terminal);
  const { loadDraft } = await import("@megatron-ts/tasks");
  const draft = await loadDraft(draftPath, { tokenizer: trained.tokenizer, precision: options.precision });
  try {
    await write(trained, { ...options, draft, draftTokens }, terminal);
  } finally {
    draft.dispose();
  }
}

async function write(
  { directory, model, tokenizer, generationTokens }: TrainedModel,
  {
    continues,
    draft,
    draftTokens,
    regex,
    jsonSchema,
    logitBias,
    ...options
  }: Omit<CompletionOptions, "draft"> & WritingOptions & { draft?: Model },
  terminal: Terminal,
): Promise<void> {
  const { createConstraintFactory, streamText } = await import("@megatron-ts/generate");
  const { prompt, json } = options;
  const start = performance.now();
  const completion = {
    checkpoint: directory,
    prompt,
    text: "",
    promptTokens: 0,
    generatedTokens: 0,
    finishReason: "length",
  };
  const drafted = { proposed: 0, accepted: 0 };
  const speculation = draft && {
    model: draft,
    tokens: draftTokens,
    onDraft({ proposed, accepted }: DraftOutcome) {
      drafted.proposed += proposed;
      drafted.accepted += accepted;
    },
  };
  const pattern = patternOf({ regex, jsonSchema });
  const constraint = pattern && createConstraintFactory(tokenizer).create(pattern);
  const all = {
    ...options,
    ...generationTokens,
    draft: speculation,
    ...(constraint && { constraint }),
    ...(logitBias && { logitBias: logitBiases(logitBias) }),
  };
  for (const piece of streamText({ model, tokenizer }, [prompt], all)) {
    if (!json) terminal.write(continues && completion.generatedTokens === 0 ? prompt + piece.text : piece.text);
    const { promptTokens, generatedTokens, finishReason } = piece;
    Object.assign(completion, { text: completion.text + piece.text, promptTokens, generatedTokens });
    if (finishReason) completion.finishReason = finishReason;
    // Lets the event loop handle signals and a closed pipe.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (json) return terminal.json({ ...completion, ...(draft && { drafted }) });
  terminal.write(continues && completion.generatedTokens === 0 ? `${prompt}\n` : "\n");
  const seconds = (performance.now() - start) / 1000;
  terminal.log(
    `${pluralize(completion.generatedTokens, "token")}, ${(completion.generatedTokens / seconds).toFixed(1)} tokens/s` +
      (draft ? `; ${drafted.accepted} of ${pluralize(drafted.proposed, "proposed token")} accepted` : ""),
  );
}

/** What a text must be; undefined for any. Throws a UsageError for a file that is no JSON, and the system's errors. */
function patternOf({ regex, jsonSchema }: Pick<CompletionOptions, "regex" | "jsonSchema">): Pattern | undefined {
  if (regex !== undefined) return { kind: "regex", source: regex };
  if (jsonSchema === undefined) return undefined;
  const text = readSmallFile(jsonSchema).toString("utf8");
  try {
    return { kind: "json-schema", schema: JSON.parse(text) };
  } catch (error) {
    throw new UsageError(`${jsonSchema}: expected a JSON schema: ${(error as Error).message}`);
  }
}
