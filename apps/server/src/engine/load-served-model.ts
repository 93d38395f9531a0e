/** Loads what a checkpoint serves: the model, its tokenizer, the tokens that end a text, and its template for chats. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { adapterAt, adaptModel, CHAT_TEMPLATE_FILE, type LoadedCheckpoint, loadModel } from "@megatron-ts/checkpoint";
import { storeWeights } from "@megatron-ts/generate";
import { type Model, readGenerationIds } from "@megatron-ts/model";
import { requireCheckpointTokenizer, type SavedTaskRecipe } from "@megatron-ts/tasks";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { bestOfFineTuning, RECIPE_FILE, resolveObjective, type WritingMode, writingMode } from "@megatron-ts/train";
import * as tf from "@tensorflow/tfjs";
import { parse } from "yaml";
import { ServerError } from "../errors.ts";
import { type EmbeddingSettings, readEmbeddingSettings } from "./embedding-settings.ts";
import type { ServedAdapter } from "./served-adapter.ts";
import { tokenizerInfo } from "./tokenizer-info.ts";

const GENERATION_CONFIG = "generation_config.json";

/** A loaded checkpoint. */
export interface ServedModel extends WritingMode {
  model: Model;
  tokenizer: Tokenizer;
  /** Token ids that end a text, and the first of a decoder; missing ones are the tokenizer's. */
  stopTokens?: number[];
  startToken?: number;
  /** Set for an imported encoder-decoder, which reads texts in the frame that transformers puts around them. */
  frame?: "tokenizer";
  chatTemplate: string | null;
  /** The task that it was fine-tuned for; null for other models. */
  recipe: SavedTaskRecipe | null;
  /** How texts become vectors, or why they cannot. */
  embedding: EmbeddingSettings | ServerError;
  /** Names and values of special tokens that templates use, such as `bos_token`. */
  namedTokens: Record<string, string>;
  /** Settings of the tokenizer, for clients. */
  tokenizerInfo: Record<string, unknown>;
}

const readText = (checkpoint: LoadedCheckpoint, name: string): string | undefined =>
  checkpoint.manifest.files.some((file) => file.name === name)
    ? Buffer.from(checkpoint.readFile(name)).toString("utf8")
    : undefined;

/** Reads a JSON object of the checkpoint; empty if there is no such file. */
function readObject(checkpoint: LoadedCheckpoint, name: string): Record<string, unknown> {
  const text = readText(checkpoint, name);
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported like any other value that is not an object.
  }
  throw new ServerError(`${checkpoint.directory}/${name}: expected a JSON object`);
}

/** Options of `loadServedModel`. */
export interface LoadServedOptions {
  precision: "f32" | "bf16";
  chatTemplate?: string;
  /** Adapters of the model, by the names that requests call them. */
  adapters: readonly ServedAdapter[];
}

/** A loaded checkpoint with its adapters. */
export interface LoadedModels {
  served: ServedModel;
  /** The same weights with each adapter, by its name. */
  adapted: [string, ServedModel][];
  /** Bytes that the adapters take. */
  bytes: number;
}

/**
 * Loads a checkpoint, or the newest one of a run directory, and adapters beside it. The engine must have been started. Throws
 * a TaskError for one without a tokenizer, and what reading it and the adapters throws.
 */
export async function loadServedModel(
  path: string,
  { precision, chatTemplate, adapters }: LoadServedOptions,
): Promise<LoadedModels> {
  const { model, checkpoint } = loadModel(bestOfFineTuning(path));
  try {
    const tokenizer = await requireCheckpointTokenizer(checkpoint);
    const generation = readText(checkpoint, GENERATION_CONFIG) && readObject(checkpoint, GENERATION_CONFIG);
    const config = readObject(checkpoint, "tokenizer_config.json");
    if (precision === "bf16") storeWeights(model, "bf16");
    const template = chatTemplate ?? readText(checkpoint, CHAT_TEMPLATE_FILE) ?? templateIn(config);
    const source = `${checkpoint.directory}/${GENERATION_CONFIG}`;
    const served: ServedModel = {
      model,
      tokenizer,
      ...writingMode(resolveObjective(recipeOf(checkpoint)?.train?.objective, model.config), model.config),
      ...(generation && readGenerationIds(generation, { source, vocabularySize: model.config.vocabularySize })),
      ...(readText(checkpoint, RECIPE_FILE) === undefined && { frame: "tokenizer" }),
      chatTemplate: template,
      tokenizerInfo: tokenizerInfo(config, { tokenizer, chatTemplate: template }),
      namedTokens: namedTokens(config, tokenizer),
      recipe: recipeOf(checkpoint),
      embedding: embeddingOf(checkpoint),
    };
    const { numBytes: before } = tf.memory();
    const adapted = adapters.map(({ name, directory }): [string, ServedModel] => {
      const adapter = adapterAt(bestOfFineTuning(directory));
      const { model: own } = adaptModel({ model, checkpoint }, { adapter });
      const recipe = recipeIn(adapter) ?? served.recipe;
      // An adapter for chats has the template that it was trained with.
      const ownTemplate = chatTemplate ?? textIn(adapter, CHAT_TEMPLATE_FILE) ?? template;
      const info = tokenizerInfo(config, { tokenizer, chatTemplate: ownTemplate });
      return [name, { ...served, model: own, recipe, chatTemplate: ownTemplate, tokenizerInfo: info }];
    });
    return { served, adapted, bytes: tf.memory().numBytes - before };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}

function embeddingOf(checkpoint: LoadedCheckpoint): ServedModel["embedding"] {
  const names = checkpoint.manifest.files.map(({ name }) => name);
  try {
    return readEmbeddingSettings(names, (name) => readObject(checkpoint, name));
  } catch (error) {
    if (error instanceof ServerError) return error;
    throw error;
  }
}

/** The recipe that a model was trained by; null for an imported one. */
function recipeOf(checkpoint: LoadedCheckpoint): (SavedTaskRecipe & { train?: { objective?: never } }) | null {
  const text = readText(checkpoint, RECIPE_FILE);
  return text === undefined ? null : parse(text);
}

/** The recipe that an adapter was trained by; null for one of PEFT's. */
function recipeIn(directory: string): SavedTaskRecipe | null {
  const text = textIn(directory, RECIPE_FILE);
  return text === null ? null : parse(text);
}

/** The text of a file beside an adapter; null if there is none. */
function textIn(directory: string, name: string): string | null {
  const file = join(directory, name);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

/** The default template of a tokenizer_config.json, which may have several by name. */
function templateIn({ chat_template: template }: Record<string, unknown>): string | null {
  if (typeof template === "string") return template;
  if (!Array.isArray(template)) return null;
  const named = template as { name?: string; template?: string }[];
  return named.find(({ name }) => name === "default")?.template ?? null;
}

function namedTokens(config: Record<string, unknown>, tokenizer: Tokenizer): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith("_token")) continue;
    const content = typeof value === "object" && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof content === "string") named[key] = content;
  }
  const end = tokenizer.endOfText === undefined ? undefined : tokenizer.idToToken(tokenizer.endOfText);
  return { ...(end !== undefined && { eos_token: end, bos_token: end }), ...named };
}
