/** How to choose tokens: the fields that chats and completions have in common. */
import type { ComponentChildren } from "preact";

export interface SettingsValue {
  temperature: number;
  maxTokens: number;
}

/** Sensible ones to start with. */
export const DEFAULTS: SettingsValue = { temperature: 0.8, maxTokens: 64 };

interface SettingsProps {
  value: SettingsValue;
  onChange: (value: SettingsValue) => void;
  children: ComponentChildren;
}

export function Settings({ value, onChange, children }: SettingsProps) {
  const field = (name: keyof SettingsValue) => (event: { currentTarget: HTMLInputElement }) =>
    onChange({ ...value, [name]: event.currentTarget.valueAsNumber || 0 });
  return (
    <div class="settings">
      <label>
        Temperature
        <input type="number" min={0} max={2} step={0.1} value={value.temperature} onInput={field("temperature")} />
      </label>
      <label>
        Tokens
        <input type="number" min={1} step={1} value={value.maxTokens} onInput={field("maxTokens")} />
      </label>
      {children}
    </div>
  );
}
