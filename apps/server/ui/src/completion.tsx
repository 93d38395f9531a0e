/** Completes a text, token by token. */
import { useState } from "preact/hooks";
import { DEFAULTS, Settings } from "./settings.tsx";
import { TextArea } from "./text-area.tsx";
import { Tokens } from "./tokens.tsx";
import { type Added, useGeneration } from "./use-generation.ts";

interface CompletionEvent {
  choices: {
    text: string;
    logprobs: { tokens: string[]; token_logprobs: number[]; top_logprobs: Record<string, number>[] } | null;
  }[];
}

function read({ choices: [choice] }: CompletionEvent): Added {
  const { tokens = [], token_logprobs: scores = [], top_logprobs: top = [] } = choice?.logprobs ?? {};
  return {
    text: choice?.text ?? "",
    tokens: tokens.map((text, index) => ({
      text,
      probability: Math.exp(scores[index]!),
      alternatives: Object.entries(top[index]!)
        .map(([other, score]) => ({ text: other, probability: Math.exp(score) }))
        .sort((a, b) => b.probability - a.probability),
    })),
  };
}

export function Completion() {
  const [prompt, setPrompt] = useState("");
  const [asked, setAsked] = useState("");
  const [settings, setSettings] = useState(DEFAULTS);
  const { tokens, isRunning, problem, start, stop } = useGeneration(read);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isRunning) return;
    setAsked(prompt);
    const { temperature, maxTokens } = settings;
    void start("/v1/completions", { prompt, temperature, max_tokens: maxTokens, logprobs: 5, stream: true });
  };
  return (
    <>
      <h1>Complete a text</h1>
      <form class="panel" onSubmit={submit}>
        <TextArea
          label="Text"
          rows={4}
          placeholder="The beginning of a text. Ctrl and Enter complete it."
          value={prompt}
          onChange={setPrompt}
        />
        <Settings value={settings} onChange={setSettings} action="Complete" isRunning={isRunning} onStop={stop} />
      </form>
      {problem && (
        <p role="alert" class="alert">
          {problem}
        </p>
      )}
      {(tokens.length > 0 || isRunning) && (
        <Tokens before={asked} tokens={tokens} label="Completion" isRunning={isRunning} />
      )}
    </>
  );
}
