/** A task as a form: its fields, a button, and what the model answers. What the tasks are is in `tasks.tsx`. */
import { useRef, useState } from "preact/hooks";
import { ask, type ServedTask } from "../api.ts";
import { TextArea } from "../text-area.tsx";
import { Problem, useRequest } from "../use-request.tsx";
import { type Answer, type Field, taskViews } from "./tasks.tsx";

export function TaskForm({ task }: { task: ServedTask }) {
  const { heading, hint, action, fields, path, input, result } = taskViews[task.name];
  const [values, setValues] = useState<Record<string, string>>({});
  const { answer, problem, isRunning, submit } = useRequest(async () => {
    const { data } = await ask<{ data: Answer[] }>(path, { input: input(values) });
    return data[0]!;
  });
  const mask = task.name === "fill-mask" ? task.mask : null;
  const shownFields = fields(task);

  return (
    <>
      <h1>{heading}</h1>
      <form class="panel" onSubmit={submit}>
        {shownFields.map((field) => (
          <TextField
            key={field.name}
            field={field}
            mask={mask}
            value={values[field.name] ?? ""}
            onChange={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
          />
        ))}
        {hint && <p class="hint">{hint(task)}</p>}
        <div class="settings">
          <button type="submit" disabled={isRunning}>
            {action}
          </button>
        </div>
      </form>
      <Problem text={problem} />
      <section class="result" aria-label="Answer" aria-live="polite" aria-busy={isRunning}>
        {isRunning ? <p class="hint">The model is being asked.</p> : answer && result(answer)}
      </section>
    </>
  );
}

interface TextFieldProps {
  field: Field;
  /** What stands for a hidden token, in forms that insert it. */
  mask: string | null;
  value: string;
  onChange: (value: string) => void;
}

function TextField({ field: { name, label, rows }, mask, value, onChange }: TextFieldProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  function insert(text: string) {
    const { selectionStart: start, selectionEnd: end } = area.current!;
    onChange(value.slice(0, start) + text + value.slice(end));
    area.current!.focus();
  }
  return (
    <>
      <TextArea area={area} label={label} name={name} required rows={rows} value={value} onChange={onChange} />
      {mask !== null && (
        <div class="settings">
          <button type="button" class="quiet" onClick={() => insert(mask)}>
            Insert {mask}
          </button>
        </div>
      )}
    </>
  );
}
