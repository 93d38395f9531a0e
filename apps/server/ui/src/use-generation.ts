/** One generation at a time: its tokens as they arrive, a way to stop it, and what went wrong. */
import { useEffect, useRef, useState } from "preact/hooks";
import { stream } from "./api.ts";

/** A token with its probability, and what could have come instead, likeliest first. */
export interface ShownToken {
  text: string;
  probability: number;
  alternatives: { text: string; probability: number }[];
}

/** Tokens that are parts of a character, as the server spells them. */
const PART = /^bytes:((?:\\x[0-9a-f]{2})+)$/;

/** A decoder that shows a character at the token which completes it. */
function createCharacters(): (token: string) => string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const encoder = new TextEncoder();
  return (token) => {
    const [, part] = PART.exec(token) ?? [];
    const bytes = part
      ? Uint8Array.from(part.match(/[0-9a-f]{2}/g)!, (byte) => Number.parseInt(byte, 16))
      : encoder.encode(token);
    return decoder.decode(bytes, { stream: true });
  };
}

/** What a stream's event adds. */
export interface Added {
  text: string;
  tokens: ShownToken[];
}

/** The state of a generation. */
export interface Generation {
  tokens: ShownToken[];
  text: string;
  isRunning: boolean;
  problem: string | null;
  start(path: string, body: object): Promise<string>;
  stop(): void;
  clear(): void;
}

/** `read` finds what an event of the API adds. */
export function useGeneration<Event>(read: (event: Event) => Added): Generation {
  const [state, setState] = useState({ tokens: [] as ShownToken[], text: "", isRunning: false });
  const [problem, setProblem] = useState<string | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);

  async function start(path: string, body: object): Promise<string> {
    controller.current?.abort();
    const own = new AbortController();
    controller.current = own;
    const tokens: ShownToken[] = [];
    const shown = createCharacters();
    let text = "";
    setProblem(null);
    setState({ tokens, text, isRunning: true });
    try {
      for await (const event of stream<Event>(path, body, own.signal)) {
        const added = read(event);
        tokens.push(...added.tokens.map((token) => ({ ...token, text: shown(token.text) })));
        text += added.text;
        setState({ tokens: [...tokens], text, isRunning: true });
      }
    } catch (error) {
      if ((error as Error).name !== "AbortError") setProblem((error as Error).message);
    }
    if (controller.current === own) setState({ tokens: [...tokens], text, isRunning: false });
    return text;
  }

  return {
    ...state,
    problem,
    start,
    stop: () => controller.current?.abort(),
    clear: () => setState({ tokens: [], text: "", isRunning: false }),
  };
}
