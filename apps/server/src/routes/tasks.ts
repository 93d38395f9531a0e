/** POST /v1/classify, /v1/answer, /v1/translate and /v1/summarize: what a fine-tuned model says about each input. */
import type { z } from "zod";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { answerAnswer, classifyAnswer, writeAnswer } from "../schemas/answers.ts";
import { answerSchema, classifySchema, writeSchema } from "../schemas/task.ts";

/** An input, by itself or with its fields. */
type Input = string | Readonly<Record<string, string>>;

/** A route for tasks. */
export interface TaskRoute {
  path: string;
  summary: string;
  schema: z.ZodType<{ model?: string | null; input: Input | Input[] }>;
  answer: z.ZodType;
  /** Tasks that it serves, of which the model's own is used, else the first. */
  tasks: readonly string[];
  /** The field of an input that is only a text. */
  field: string;
}

/** The routes. */
export const taskRoutes: readonly TaskRoute[] = [
  {
    path: "/v1/classify",
    summary: "The label of each text, or of each pair of texts.",
    schema: classifySchema,
    answer: classifyAnswer,
    tasks: ["classification", "sentiment", "sentence-pairs", "multi-label"],
    field: "text",
  },
  {
    path: "/v1/answer",
    summary: "The span of a text that answers a question.",
    schema: answerSchema,
    answer: answerAnswer,
    tasks: ["question-answering"],
    field: "question",
  },
  {
    path: "/v1/translate",
    summary: "Each text in the language that the model was trained to write.",
    schema: writeSchema,
    answer: writeAnswer,
    tasks: ["translation"],
    field: "source",
  },
  {
    path: "/v1/summarize",
    summary: "A summary of each text.",
    schema: writeSchema,
    answer: writeAnswer,
    tasks: ["summarization"],
    field: "text",
  },
];

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function runTask(request: Request, state: ServerState, route: TaskRoute): Promise<Response> {
  const { model, input } = await readBody(request, { schema: route.schema, maxBytes: state.maxBodyBytes });
  const { name, engine } = await requireModel(state, model);
  const rows = [input].flat().map((one) => (typeof one === "string" ? { [route.field]: one } : one));
  const { task, predictions } = await engine.predict(route.tasks, rows);
  const data = predictions.map((prediction, index) => ({ index, ...prediction }));
  return Response.json({ object: "list", task, data, model: name });
}
