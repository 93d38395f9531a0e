/** A text as tokens. The one under the pointer, or chosen with the arrow keys, shows its probability and the alternatives. */
import { useState } from "preact/hooks";
import type { ShownToken } from "./use-generation.ts";

const percent = (probability: number) => `${(100 * probability).toFixed(probability < 0.1 ? 1 : 0)} %`;
const visible = (text: string) =>
  text
    .replace(/^bytes:/, "")
    .replaceAll("\n", "↵")
    .replaceAll(" ", "·") || "∅";

export function Tokens({
  tokens,
  label,
  isRunning,
  before = "",
}: {
  tokens: readonly ShownToken[];
  label: string;
  isRunning: boolean;
  /** What they continue. */
  before?: string;
}) {
  const [chosen, choose] = useState<number | null>(null);
  const token = chosen === null ? undefined : tokens[chosen];
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const last = tokens.length - 1;
    const jumps: Record<string, number> = { Home: 0, End: last };
    const next = jumps[event.key] ?? (event.key in steps ? (chosen ?? -1) + steps[event.key]! : null);
    if (next === null) return;
    event.preventDefault();
    choose(Math.max(0, Math.min(last, next)));
  };
  return (
    <div class="generated">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields */}
      <div
        class="text"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys choose a token
        tabIndex={0}
        aria-label={`${label}. Arrow keys choose a token.`}
        onKeyDown={move}
        onPointerOver={(event) => {
          const index = (event.target as HTMLElement).dataset.index;
          if (index !== undefined) choose(Number(index));
        }}
      >
        {before !== "" && <span class="before">{before}</span>}
        {tokens.map((one, index) => (
          <span
            key={index}
            data-index={index}
            class={index === chosen ? "token chosen" : "token"}
            style={{ "--doubt": (1 - one.probability).toFixed(2) }}
          >
            {one.text}
          </span>
        ))}
        {isRunning && <span class="caret" aria-hidden="true" />}
      </div>
      <div class="alternatives" aria-live="polite">
        {token ? (
          <>
            <p>
              <code>{visible(token.text)}</code> {percent(token.probability)}
            </p>
            <ol>
              {token.alternatives.map(({ text, probability }) => (
                <li key={text}>
                  <code>{visible(text)}</code>
                  <meter min={0} max={1} value={probability} aria-label={`probability of ${visible(text)}`} />
                  <span>{percent(probability)}</span>
                </li>
              ))}
            </ol>
          </>
        ) : (
          tokens.length > 0 && <p class="hint">Point at a token to see its probability.</p>
        )}
      </div>
    </div>
  );
}
