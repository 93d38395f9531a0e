/** The tasks that the page has forms for: what each asks for, what is sent, and how its answer is shown. */
import type { JSX } from "preact";
import type { ServedTask } from "../api.ts";
import { Shares } from "./shares.tsx";

/** A field of a form. */
export interface Field {
  name: string;
  label: string;
  rows: number;
}

/** What a route answers about one input; each task has some of these. */
export interface Answer {
  label?: string;
  probability?: number;
  labels?: string[];
  probabilities?: Record<string, number>;
  answer?: string;
  noAnswerProbability?: number;
  text?: string;
  masks?: { token: string; probability: number }[][];
}

interface TaskView {
  title: string;
  heading: string;
  action: string;
  path: string;
  fields: (task: ServedTask) => Field[];
  hint?: (task: ServedTask) => string;
  /** What is sent for the values of the fields. */
  input: (values: Record<string, string>) => unknown;
  result: (answer: Answer) => JSX.Element;
}

const text = (label: string): Field => ({ name: "text", label, rows: 4 });
const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const written = ({ text }: Answer) => <p class="written">{text || "The model wrote nothing."}</p>;

/** The views by the names of their tasks. */
export const taskViews: Readonly<Record<ServedTask["name"], TaskView>> = {
  classify: {
    title: "Classify",
    heading: "Classify a text",
    action: "Classify",
    path: "/v1/classify",
    fields: (task) =>
      "pairs" in task && task.pairs
        ? [
            { name: "text", label: "First text", rows: 3 },
            { name: "pair", label: "Second text", rows: 3 },
          ]
        : [text("Text")],
    hint: (task) => ("labels" in task ? `Labels: ${task.labels.join(", ")}.` : ""),
    input: ({ text, pair }) => (pair === undefined ? text : { text, pair }),
    result: ({ label, probability, labels, probabilities }) =>
      probabilities ? (
        <>
          <p class="written">{labels!.length > 0 ? labels!.join(", ") : "No label applies."}</p>
          <Shares label="Labels" shares={Object.entries(probabilities).map(([name, share]) => ({ name, share }))} />
        </>
      ) : (
        <Shares label="Label" shares={[{ name: label!, share: probability! }]} />
      ),
  },
  answer: {
    title: "Answer",
    heading: "Answer a question",
    action: "Answer",
    path: "/v1/answer",
    fields: () => [
      { name: "context", label: "Text that has the answer", rows: 6 },
      { name: "question", label: "Question", rows: 1 },
    ],
    input: (values) => values,
    result: ({ answer, noAnswerProbability }) => (
      <>
        <p class="written">{answer || "The text has no answer."}</p>
        <p class="hint">Probability that the text has no answer: {percent(noAnswerProbability!)}</p>
      </>
    ),
  },
  translate: {
    title: "Translate",
    heading: "Translate a text",
    action: "Translate",
    path: "/v1/translate",
    fields: () => [text("Text")],
    input: ({ text }) => text,
    result: written,
  },
  summarize: {
    title: "Summarize",
    heading: "Summarize a text",
    action: "Summarize",
    path: "/v1/summarize",
    fields: () => [{ ...text("Text"), rows: 10 }],
    input: ({ text }) => text,
    result: written,
  },
  "fill-mask": {
    title: "Fill mask",
    heading: "Fill a mask",
    action: "Fill",
    path: "/v1/fill-mask",
    fields: () => [text("Text")],
    hint: (task) => ("mask" in task ? `Write ${task.mask} for each token to find.` : ""),
    input: ({ text }) => text,
    result: ({ text, masks }) => (
      <>
        <p class="written">{text}</p>
        <div class="masks">
          {masks!.map((mask, index) => (
            <Shares
              key={index}
              label={masks!.length === 1 ? "Likeliest tokens" : `Likeliest tokens for mask ${index + 1}`}
              shares={mask.map(({ token, probability }) => ({ name: token, share: probability }))}
              isCode
            />
          ))}
        </div>
      </>
    ),
  },
};
