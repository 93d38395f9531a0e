/** The tasks, by name. */
import { classification, sentencePairs, sentiment } from "./classification.ts";
import { dialogue } from "./dialogue.ts";
import { TaskError } from "./errors.ts";
import { figurative } from "./figurative.ts";
import { lambada } from "./lambada.ts";
import { minimalPairs } from "./minimal-pairs.ts";
import { multiLabel } from "./multi-label.ts";
import { multipleChoice } from "./multiple-choice.ts";
import { questionAnswering } from "./question-answering.ts";
import { regression, similarity } from "./regression.ts";
import { summarization } from "./summarization.ts";
import type { TaskDefinition } from "./task.ts";
import { translation } from "./translation.ts";
import { wikitext } from "./wikitext.ts";

const tasks: readonly TaskDefinition[] = [
  classification,
  sentiment,
  sentencePairs,
  multiLabel,
  regression,
  similarity,
  questionAnswering,
  multipleChoice,
  translation,
  summarization,
  dialogue,
  minimalPairs,
  figurative,
  lambada,
  wikitext,
];

/** Names of the tasks. */
export const taskNames = tasks.map(({ name }) => name);

/** The task of a name. Throws a TaskError that lists them. */
export function getTask(name: string): TaskDefinition {
  const found = tasks.find((task) => task.name === name);
  if (found) return found;
  throw new TaskError(`no task is called ${JSON.stringify(name)}: expected ${taskNames.join(" or ")}`);
}

/** The fields of a task's rows: what is read, and what is expected. Throws a TaskError for a name that is none. */
export function fieldsOf(name: string): { read: string[]; target: string } {
  const { fields, targetField: target = fields.at(-1)! } = getTask(name);
  return { read: fields.length > 1 ? fields.filter((field) => field !== target) : [...fields], target };
}

/** Whether a task writes text, rather than choosing labels or spans. Throws a TaskError for a name that is none. */
export const writesText = (name: string): boolean => getTask(name).textSettings !== undefined;
