/** The page: finds out what the server offers, and shows the view that the address names. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask, type PageFeatures, type Refused } from "./api.ts";
import { Chat } from "./chat.tsx";
import { Completion } from "./completion.tsx";
import { Explain } from "./explain.tsx";
import { KeyForm } from "./key-form.tsx";
import { Passages } from "./passages.tsx";
import { Runs } from "./runs.tsx";
import { TaskForm } from "./tasks/task-form.tsx";
import { taskViews } from "./tasks/tasks.tsx";
import "./style.css";

/** How long to wait before asking again for a model that is loading, in milliseconds. */
const RETRY = 1000;

interface View {
  id: string;
  title: string;
  content: () => preact.JSX.Element;
}

function viewsFor({ model, runs }: PageFeatures): View[] {
  const views: (View | false | undefined)[] = [
    model?.chats && { id: "chat", title: "Chat", content: () => <Chat /> },
    model?.generates && { id: "complete", title: "Complete", content: () => <Completion /> },
    ...(model?.tasks ?? []).map((task) => ({
      id: task.name,
      title: taskViews[task.name].title,
      content: () => <TaskForm task={task} />,
    })),
    model?.explains && { id: "explain", title: "Explain", content: () => <Explain showsData={model.findsPassages} /> },
    model?.findsPassages && { id: "passages", title: "Training data", content: () => <Passages /> },
    runs && { id: "runs", title: "Runs", content: () => <Runs /> },
  ];
  return views.filter((view) => !!view);
}

function Page() {
  const [features, setFeatures] = useState<PageFeatures | null>(null);
  const [problem, setProblem] = useState<Refused | null>(null);
  const [hash, setHash] = useState(location.hash.slice(1));
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const onHash = () => setHash(location.hash.slice(1));
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    ask<PageFeatures>("/v1/page").then(
      (found) => {
        setFeatures(found);
        setProblem(null);
        if (found.loading) timer = setTimeout(() => setAttempt(attempt + 1), RETRY);
      },
      (error: Refused) => setProblem(error),
    );
    return () => clearTimeout(timer);
  }, [attempt]);

  const views = features ? viewsFor(features) : [];
  const view = views.find(({ id }) => id === hash) ?? views[0];
  useEffect(() => {
    if (view) document.title = `${view.title} · ${features?.model?.name ?? "megatron"}`;
  }, [view, features]);

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to content
      </button>
      <header>
        <p class="name">{features?.model?.name ?? "megatron"}</p>
        <nav aria-label="Views">
          {views.map(({ id, title }) => (
            <a key={id} href={`#${id}`} aria-current={view?.id === id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {features?.model && (
          <a class="api" href="/docs">
            API
          </a>
        )}
      </header>
      <main id="content" tabIndex={-1}>
        {problem?.status === 401 ? (
          <KeyForm onKey={() => setAttempt(attempt + 1)} />
        ) : problem ? (
          <p role="alert" class="alert">
            {problem.message}
          </p>
        ) : (
          <>
            {features?.loading && <p role="status">The model is loading.</p>}
            {view ? (
              <view.content key={view.id} />
            ) : (
              features && !features.loading && <p>This model has no view here.</p>
            )}
          </>
        )}
      </main>
    </>
  );
}

render(<Page />, document.getElementById("page")!);
