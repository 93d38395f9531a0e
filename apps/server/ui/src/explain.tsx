/** Explains what the model says about a text: the report of the package `explain`, in the page. */
import { type Explanation, explanationHtml, explanationStyle } from "@megatron-ts/explain/html";
import { useMemo, useState } from "preact/hooks";
import { ask } from "./api.ts";
import { Neurons } from "./neurons.tsx";
import { TextArea } from "./text-area.tsx";
import { Problem, useRequest } from "./use-request.tsx";

/** @param showsData whether the server shows passages of the training data */
export function Explain({ showsData }: { showsData: boolean }) {
  const [input, setInput] = useState("");
  const [target, setTarget] = useState("");
  const {
    answer: explanation,
    problem,
    isRunning,
    submit,
  } = useRequest(() => ask<Explanation>("/v1/explain", { input, ...(target !== "" && { target }) }));
  const html = useMemo(() => explanation && explanationHtml(explanation), [explanation]);

  return (
    <>
      <h1>Explain a prediction</h1>
      <form class="panel" onSubmit={submit}>
        <TextArea label="Text" required rows={3} value={input} onChange={setInput} />
        <div class="settings">
          <label>
            Token or label
            <input
              type="text"
              placeholder="the likeliest"
              value={target}
              onInput={(event) => setTarget(event.currentTarget.value)}
            />
          </label>
          <button type="submit" disabled={isRunning}>
            Explain
          </button>
        </div>
      </form>
      <Problem text={problem} />
      <div role="status">{isRunning && <p>The model is being asked.</p>}</div>
      <style>{explanationStyle}</style>
      {/* The report escapes every text in it. */}
      {html && <div dangerouslySetInnerHTML={{ __html: html }} />}
      {showsData && <Neurons suggested={explanation?.neurons ?? []} />}
    </>
  );
}
