/** A form's request: what came of it, whether it is running, and what went wrong. */
import { useState } from "preact/hooks";

/** @param request asks the server; its answer is kept until the next one */
export function useRequest<Answer, Asked>(request: (asked?: Asked) => Promise<Answer>) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);

  async function run(asked?: Asked) {
    setRunning(true);
    setProblem(null);
    try {
      setAnswer(await request(asked));
    } catch (error) {
      setAnswer(null);
      setProblem((error as Error).message);
    }
    setRunning(false);
  }

  function submit(event: Event) {
    event.preventDefault();
    void run();
  }

  return { answer, problem, isRunning, run, submit };
}

export const Problem = ({ text }: { text: string | null }) =>
  text && (
    <p role="alert" class="alert">
      {text}
    </p>
  );
