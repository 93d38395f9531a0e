/** What the forms of chats and completions share: how to choose tokens, and the buttons that start and stop. */
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
  /** Label of the button that submits the form. */
  action: string;
  isRunning: boolean;
  onStop: () => void;
  /** Further buttons. */
  children?: ComponentChildren;
}

export function Settings({ value, onChange, action, isRunning, onStop, children }: SettingsProps) {
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
      <button type="submit" disabled={isRunning}>
        {action}
      </button>
      <button type="button" class="quiet" disabled={!isRunning} onClick={onStop}>
        Stop
      </button>
      {children}
    </div>
  );
}
