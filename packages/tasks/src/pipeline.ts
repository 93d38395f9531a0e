/** A fine-tuned model as a function: `const translate = await pipeline("translation", directory)`. */
import { bestCheckpoint, chatTemplateOf, loadModel } from "@megatron-ts/checkpoint";
import type { Row } from "@megatron-ts/data";
import { RECIPE_FILE } from "@megatron-ts/train";
import { parse } from "yaml";
import { requireCheckpointTokenizer } from "./checkpoint-tokenizer.ts";
import { type PredictOptions, predictAll } from "./evaluate-task.ts";
import { getTask } from "./registry.ts";
import type { Prediction } from "./task.ts";
import { openTrainedTask, type SavedTaskRecipe } from "./trained-task.ts";

/** What is predicted for: a text, which is the task's first field, or the fields of a row by name. */
export type PipelineInput = string | Readonly<Record<string, unknown>>;

/** A model for a task. */
export interface Pipeline {
  /** The prediction for an input. */
  (input: PipelineInput): Promise<Prediction>;
  /** The predictions for several, which run through the model together. */
  (inputs: readonly PipelineInput[], options?: PredictOptions): Promise<Prediction[]>;
  /** Frees the model. */
  dispose(): void;
}

/**
 * Loads the model of a run, the best if it is one of fine-tuning, or of a checkpoint. The engine must be started. Throws a
 * TaskError for a model that cannot do the task or has no tokenizer, and a CheckpointError.
 */
export async function pipeline(name: string, directory: string): Promise<Pipeline> {
  const { fields } = getTask(name);
  const { model, checkpoint } = loadModel(bestCheckpoint(directory)?.directory ?? directory);
  try {
    const has = (file: string) => checkpoint.manifest.files.some((one) => one.name === file);
    const read = (file: string) => Buffer.from(checkpoint.readFile(file)).toString("utf8");
    const tokenizer = await requireCheckpointTokenizer(checkpoint);
    const recipe: SavedTaskRecipe | null = has(RECIPE_FILE) ? parse(read(RECIPE_FILE)) : null;
    const task = openTrainedTask(
      { config: model.config, tokenizer, recipe },
      { name, chatTemplate: chatTemplateOf(checkpoint) },
    );
    const column = recipe?.task?.columns?.[fields[0]!] ?? fields[0]!;
    const rowOf = (input: PipelineInput, index: number): Row => ({
      values: typeof input === "string" ? { [column]: input } : input,
      source: "input",
      line: index + 1,
    });
    async function predict(input: PipelineInput | readonly PipelineInput[], options?: PredictOptions) {
      const inputs = (Array.isArray(input) ? input : [input]) as readonly PipelineInput[];
      const examples = inputs.map((one, index) => task.read(rowOf(one, index), { labelled: false }));
      const found: Prediction[] = await predictAll({ task, model }, examples, options);
      return Array.isArray(input) ? found : found[0]!;
    }
    // TypeScript cannot see that the result is a list where the input is one.
    return Object.assign(predict as Omit<Pipeline, "dispose"> & typeof predict, {
      dispose: () => model.dispose(),
    }) as Pipeline;
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}
