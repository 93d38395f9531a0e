/** A chat with the model. Enter sends, Shift and Enter start a line. */
import { useState } from "preact/hooks";
import { DEFAULTS, Settings } from "./settings.tsx";
import { Tokens } from "./tokens.tsx";
import { type Added, type ShownToken, useGeneration } from "./use-generation.ts";

interface Message {
  role: "user" | "assistant";
  content: string;
  tokens?: ShownToken[];
}

interface Scored {
  token: string;
  logprob: number;
}

interface ChatEvent {
  choices: {
    delta: { content?: string };
    logprobs: { content: (Scored & { top_logprobs: Scored[] })[] } | null;
  }[];
}

const scored = ({ token, logprob }: Scored) => ({ text: token, probability: Math.exp(logprob) });

function read({ choices: [choice] }: ChatEvent): Added {
  return {
    text: choice?.delta.content ?? "",
    tokens: (choice?.logprobs?.content ?? []).map((one) => ({
      ...scored(one),
      alternatives: one.top_logprobs.map(scored),
    })),
  };
}

export function Chat() {
  const [messages, setMessages] = useState<Message[]>([]);
  const [draft, setDraft] = useState("");
  const [settings, setSettings] = useState(DEFAULTS);
  const { tokens, isRunning, problem, start, stop, clear } = useGeneration(read);

  async function send() {
    if (draft.trim() === "" || isRunning) return;
    const asked: Message[] = [...messages, { role: "user", content: draft }];
    setMessages(asked);
    setDraft("");
    const { temperature, maxTokens } = settings;
    const said = await start("/v1/chat/completions", {
      messages: asked.map(({ role, content }) => ({ role, content })),
      ...{ temperature, max_completion_tokens: maxTokens, logprobs: true, top_logprobs: 5, stream: true },
    });
    if (said !== "") setMessages([...asked, { role: "assistant", content: said }]);
  }

  const last = messages.at(-1);
  return (
    <>
      <h1>Chat</h1>
      <ol class="messages" aria-live="polite" aria-busy={isRunning}>
        {messages.map(({ role, content }, index) => (
          <li key={index} class={role}>
            <span class="role">{role === "user" ? "You" : "Model"}</span>
            {role === "assistant" && index === messages.length - 1 && tokens.length > 0 ? (
              <Tokens tokens={tokens} label="Answer" isRunning={false} />
            ) : (
              <p>{content}</p>
            )}
          </li>
        ))}
        {isRunning && last?.role === "user" && (
          <li class="assistant">
            <span class="role">Model</span>
            <Tokens tokens={tokens} label="Answer" isRunning />
          </li>
        )}
      </ol>
      {problem && (
        <p role="alert" class="alert">
          {problem}
        </p>
      )}
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label>
          Message
          <textarea
            rows={3}
            value={draft}
            onInput={(event) => setDraft(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              void send();
            }}
          />
        </label>
        <Settings value={settings} onChange={setSettings} action="Send" isRunning={isRunning} onStop={stop}>
          <button
            type="button"
            class="quiet"
            disabled={isRunning || messages.length === 0}
            onClick={() => {
              clear();
              setMessages([]);
            }}
          >
            Start over
          </button>
        </Settings>
      </form>
    </>
  );
}
