/** Finds what in the training data is nearest to a text: the report of the package `explain`, in the page. */
import { explanationStyle, passagesHtml, type TrainingPassages } from "@megatron-ts/explain/html";
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { TextArea } from "./text-area.tsx";
import { Problem, useRequest } from "./use-request.tsx";

export function Passages() {
  const [input, setInput] = useState("");
  const {
    answer: html,
    problem,
    isRunning,
    submit,
  } = useRequest(async () => passagesHtml(await ask<TrainingPassages>("/v1/passages", { input })));

  return (
    <>
      <h1>Search the training data</h1>
      <form class="panel" onSubmit={submit}>
        <TextArea label="Text, such as one that the model wrote" required rows={3} value={input} onChange={setInput} />
        <div class="settings">
          <button type="submit" disabled={isRunning}>
            Search
          </button>
        </div>
      </form>
      <Problem text={problem} />
      <div role="status">{isRunning && <p>The data is being searched; the first time it is indexed.</p>}</div>
      <style>{explanationStyle}</style>
      {/* The report escapes every text in it. */}
      {html && <div dangerouslySetInnerHTML={{ __html: html }} />}
    </>
  );
}
