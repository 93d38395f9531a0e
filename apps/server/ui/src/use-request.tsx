/** A form's request: what came of it, whether it is running, and what went wrong. */
import { useState } from "preact/hooks";

/** @param request asks the server; its answer is kept until the next one */
export function useRequest<Answer>(request: () => Promise<Answer>) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);

  async function submit(event: Event) {
    event.preventDefault();
    setRunning(true);
    setProblem(null);
    try {
      setAnswer(await request());
    } catch (error) {
      setAnswer(null);
      setProblem((error as Error).message);
    }
    setRunning(false);
  }

  return { answer, problem, isRunning, submit };
}

export const Problem = ({ text }: { text: string | null }) =>
  text && (
    <p role="alert" class="alert">
      {text}
    </p>
  );
