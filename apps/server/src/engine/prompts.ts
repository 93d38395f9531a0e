/** Prompts of requests as token ids, and what a batch is asked for with them. Nothing is ever cut. */
import { encodePrompts, GenerateError, prefixTokens } from "@megatron-ts/generate";
import { longestSequence } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ChatTemplate } from "../chat/chat-template.ts";
import { ApiError } from "../errors.ts";
import type { EmbeddingSettings } from "./embedding-settings.ts";
import type { ServedModel } from "./load-served-model.ts";
import type { GenerateRequest, Prompt } from "./protocol.ts";

/** Throws an ApiError for a token that is not in the vocabulary. */
export function checkTokens(tokens: readonly number[], vocabularySize: number) {
  const unknown = tokens.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw new ApiError(`token ${unknown} is not in the vocabulary: expected 0 to ${vocabularySize - 1}`, { status: 400 });
}

/** A prompt's tokens, and its text to repeat. */
export function encodePrompt(
  { model, tokenizer, prediction, stopTokens, startToken, frame }: ServedModel,
  template: ChatTemplate | null,
  prompt: Prompt,
): { tokens: number[]; text: string } {
  if (prompt.kind === "tokens") {
    checkTokens(prompt.tokens, tokenizer.vocabularySize);
    return { tokens: prompt.tokens, text: tokenizer.decode(prompt.tokens, { skipSpecialTokens: true }) };
  }
  if (prompt.kind === "chat") {
    if (!template) {
      throw new ApiError(
        "this model has no chat template: name one with --chat-template, or have texts completed (/v1/completions)",
        { status: 400, param: "messages" },
      );
    }
    return { tokens: template.encode(prompt.messages, prompt.variables), text: "" };
  }
  const { text } = prompt;
  if (!prediction) return { tokens: [...tokenizer.encode(text, { splitSpecialTokens: true })], text };
  const { prompts } = encodePrompts({ model, tokenizer }, [text], { prediction, stopTokens, startToken, frame });
  return { tokens: [...prompts[0]!], text };
}

/**
 * The tokens of a text without any around it. Special tokens that it spells out stay text, unless it is nothing but one: so clients
 * ask for the number of a token that `/tokenizer_info` names.
 */
export function plainTokens(tokenizer: Tokenizer, text: string): number[] {
  const special = tokenizer.specialTokens.get(text);
  if (special !== undefined) return [special];
  return [...tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true })];
}

/** The tokens of a text to embed: with the special tokens around it that the model expects, but none for its end. */
export function textTokens(
  { tokenizer, prediction }: ServedModel,
  { sentenceTransformers, prompt: before }: EmbeddingSettings,
  prompt: Prompt,
): number[] {
  if (prompt.kind === "tokens") {
    checkTokens(prompt.tokens, tokenizer.vocabularySize);
    return prompt.tokens;
  }
  if (prompt.kind !== "text") throw new ApiError("chats are not embedded", { status: 400 });
  const isCausal = prediction === "causal" && !sentenceTransformers;
  const tokens = tokenizer.encode(before + prompt.text, { addSpecialTokens: !isCausal, splitSpecialTokens: true });
  return isCausal ? [...prefixTokens(tokenizer), ...tokens] : [...tokens];
}

/** What a batch is asked for. Throws an ApiError for a prompt that is too long, or more tokens than there is room for. */
export function sequenceOf(
  { model, tokenizer, prediction, stopTokens, startToken, frame }: ServedModel,
  { maxTokens, sampling, seed, stopTokens: given, ignoreEnd, logProbabilities, echo }: GenerateRequest,
  { tokens, stream }: { tokens: number[]; stream: number },
) {
  const longest = longestSequence(model.config);
  const special = encodePrompts({ model, tokenizer }, [], { prediction: prediction!, stopTokens, startToken, frame });
  const continues = prediction !== "sequence-to-sequence";
  if (continues && maxTokens !== null && tokens.length + maxTokens > longest + 1) {
    throw new ApiError(
      `the prompt has ${tokens.length} tokens and ${maxTokens} more are asked for, but the model takes at most ` +
        `${longest} together: shorten the prompt or ask for fewer`,
      { status: 400, param: "max_tokens", code: "context_length_exceeded" },
    );
  }
  if (tokens.length > longest) {
    throw new ApiError(`the prompt has ${tokens.length} tokens, but the model takes at most ${longest}: shorten it`, {
      status: 400,
      code: "context_length_exceeded",
    });
  }
  const room = continues ? longest - tokens.length + 1 : longest;
  if (maxTokens === null && !Number.isFinite(room)) {
    throw new GenerateError("max_tokens is needed: the model has no longest sequence");
  }
  return {
    ...sampling,
    prompt: tokens,
    maxTokens: maxTokens ?? room,
    seed,
    stream,
    stopTokens: [...(ignoreEnd ? [] : special.stopTokens), ...given],
    startToken: special.startToken,
    ...(logProbabilities !== null && { logProbabilities, scorePrompt: echo }),
  };
}
