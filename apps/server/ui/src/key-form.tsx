/** Asks for an API key. */
import { useState } from "preact/hooks";
import { setKey } from "./api.ts";

export function KeyForm({ onKey }: { onKey: () => void }) {
  const [key, change] = useState("");
  return (
    <form
      class="panel narrow"
      onSubmit={(event) => {
        event.preventDefault();
        setKey(key.trim());
        onKey();
      }}
    >
      <h1>This server needs a key</h1>
      <label>
        API key
        <input type="password" autocomplete="off" required value={key} onInput={(e) => change(e.currentTarget.value)} />
      </label>
      <button type="submit">Continue</button>
    </form>
  );
}
