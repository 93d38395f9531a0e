/** Finds what in the training data makes a neuron most active: one of those that a text makes most active, or any other. */
import { type Explanation, explanationStyle, type NeuronPassages, neuronPassagesHtml } from "@megatron-ts/explain/html";
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { Problem, useRequest } from "./use-request.tsx";

/** A neuron, numbered from 0 as the API does. */
type Chosen = { layer: number; neuron: number };

/** @param suggested neurons to choose from, such as the most active ones of an explained text */
export function Neurons({ suggested }: { suggested: Explanation["neurons"] }) {
  const [layer, setLayer] = useState(1);
  const [neuron, setNeuron] = useState(1);
  const {
    answer: html,
    problem,
    isRunning,
    run,
    submit,
  } = useRequest(async (chosen: Chosen = { layer: layer - 1, neuron: neuron - 1 }) =>
    neuronPassagesHtml(await ask<NeuronPassages>("/v1/neurons", chosen)),
  );
  const choose = (one: Chosen) => {
    setLayer(one.layer + 1);
    setNeuron(one.neuron + 1);
    void run({ layer: one.layer, neuron: one.neuron });
  };

  return (
    <section class="neurons" aria-labelledby="neurons-title">
      <form class="panel" onSubmit={submit}>
        <h2 id="neurons-title">Passages that excite a neuron</h2>
        {suggested.length > 0 && (
          <ul class="settings picks" aria-label="Most active neurons, by layer and number">
            {suggested.map((one) => (
              <li key={`${one.layer}:${one.neuron}`}>
                <button type="button" class="quiet" disabled={isRunning} onClick={() => choose(one)}>
                  {one.layer + 1}:{one.neuron + 1}
                </button>
              </li>
            ))}
            <li class="hint">most active for the text</li>
          </ul>
        )}
        <div class="settings">
          <Count label="Layer" value={layer} onChange={setLayer} />
          <Count label="Neuron" value={neuron} onChange={setNeuron} />
          <button type="submit" disabled={isRunning}>
            Find passages
          </button>
        </div>
      </form>
      <Problem text={problem} />
      <div role="status">{isRunning && <p>The model reads passages of its training data.</p>}</div>
      <style>{explanationStyle}</style>
      {/* The report escapes every text in it. */}
      {html && <div dangerouslySetInnerHTML={{ __html: html }} />}
    </section>
  );
}

function Count({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  return (
    <label>
      {label}
      <input
        type="number"
        required
        min={1}
        step={1}
        value={value}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}
