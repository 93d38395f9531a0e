/** A labelled text of several lines. Ctrl and Enter, or Command and Enter, submit its form; Enter alone starts a line. */
import type { RefObject, TextareaHTMLAttributes } from "preact";

interface Props extends Pick<TextareaHTMLAttributes, "name" | "placeholder" | "required" | "rows"> {
  label: string;
  value: string;
  onChange: (value: string) => void;
  area?: RefObject<HTMLTextAreaElement | null>;
}

export function TextArea({ label, onChange, area, ...attributes }: Props) {
  return (
    <label>
      {label}
      <textarea
        ref={area}
        {...attributes}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={submitOnEnter}
      />
    </label>
  );
}

function submitOnEnter(event: KeyboardEvent): void {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  event.preventDefault();
  (event.currentTarget as HTMLTextAreaElement).form?.requestSubmit();
}
