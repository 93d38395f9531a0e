/** The routes for tasks, against the library; their forms in a real Chromium; and which pages may ask. */
import { pipeline } from "@megatron-ts/tasks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage, chromiumPath, launchBrowser } from "./testing/browser.ts";
import { type OpenPage, openPage } from "./testing/inspect-page.ts";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

const labels = ["calm", "rough"];
const tinies: Record<"classifier" | "reader" | "writer", TinyServer> = {} as Record<
  string,
  TinyServer
> as typeof tinies;
let built: Awaited<ReturnType<typeof buildPage>> | undefined;
beforeAll(async () => {
  const encoder = { family: "bert" } as const;
  built = chromiumPath === undefined ? undefined : await buildPage();
  const pageDirectory = built?.directory;
  tinies.classifier = await startTiny(
    { corsOrigins: ["https://a.example"], pageDirectory },
    { ...encoder, task: { kind: "sequence-classification", labels } },
  );
  tinies.reader = await startTiny({ pageDirectory }, { ...encoder, task: { kind: "question-answering" } });
  tinies.writer = await startTiny({ pageDirectory }, { family: "encoder-decoder" });
});
afterAll(async () => {
  for (const tiny of Object.values(tinies)) await tiny.stop();
  built?.remove();
});

async function ask(tiny: TinyServer, path: string, input: unknown) {
  const answer = await tiny.post(path, { input });
  return { status: answer.status, body: (await answer.json()) as { task: string; data: Record<string, unknown>[] } };
}

describe("the routes for tasks", () => {
  it("classify as the library does, one text or several", async () => {
    const tiny = tinies.classifier;
    const texts = ["the white whale", "call me Ishmael"];
    const classify = await pipeline("classification", tiny.checkpoint);
    const expected = await classify(texts);
    const { body } = await ask(tiny, "/v1/classify", texts);
    expect(body).toMatchObject({
      task: "classification",
      data: [{ index: 0, label: expected[0]!.label }, { index: 1 }],
    });
    for (const [index, { probability }] of expected.entries()) {
      expect(body.data[index]!.probability).toBeCloseTo(probability as number, 5);
    }
    expect((await ask(tiny, "/v1/classify", texts[1])).body.data).toHaveLength(1);
    classify.dispose();
  });

  it("answer a question with a span of its text", async () => {
    const input = { question: "who?", context: "call me Ishmael. some years ago" };
    const { body } = await ask(tinies.reader, "/v1/answer", input);
    expect(body.task).toBe("question-answering");
    expect(input.context).toContain(body.data[0]!.answer);
  });

  it("write translations and summaries as the library does", async () => {
    for (const [path, name] of [
      ["/v1/translate", "translation"],
      ["/v1/summarize", "summarization"],
    ] as const) {
      const write = await pipeline(name, tinies.writer.checkpoint);
      const expected = await write("the whale");
      const { body } = await ask(tinies.writer, path, "the whale");
      expect(body).toMatchObject({ task: name, data: [{ index: 0, text: expected.text }] });
      write.dispose();
    }
  });

  it.each([
    ["classifier", "/v1/classify", "whale ".repeat(300), /longer than the model takes/],
    ["classifier", "/v1/classify", [""], /empty/],
    ["classifier", "/v1/classify", [], /input/],
    ["classifier", "/v1/classify", 7, /input/],
    ["classifier", "/v1/answer", { question: "a?", context: "b" }, /./],
    ["writer", "/v1/classify", "a", /head/],
    ["writer", "/v1/translate", " ", /empty/],
  ] as const)("answer the %s's %s with status 400 and what is wrong, case %#", async (name, path, input, message) => {
    const { status, body } = await ask(tinies[name], path, input);
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringMatching(message)]);
  });
});

describe("/v1/passages", () => {
  it("shows no training data unless the operator says so", async () => {
    const { status, body } = await ask(tinies.writer, "/v1/passages", "the white whale");
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringMatching(/--data/)]);
  });
});

describe.skipIf(chromiumPath === undefined)("the forms for tasks", () => {
  let opened: OpenPage;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const browser = await launchBrowser();
    close = () => browser.close();
    opened = await openPage(browser);
  });
  afterAll(() => close());

  const visit = async (name: keyof typeof tinies, form: string) => {
    await opened.page.goto("about:blank");
    await opened.page.goto(`${tinies[name].server.url}/#${form}`);
    await opened.page.getByRole("navigation").getByRole("link").first().waitFor();
    return opened.page.getByRole("navigation").getByRole("link").allTextContents();
  };
  const send = async (action: string, values: Record<string, string>) => {
    for (const [label, value] of Object.entries(values)) await opened.page.getByLabel(label).fill(value);
    const answered = opened.page.waitForResponse((response) => response.request().method() === "POST");
    await opened.page.getByRole("button", { name: action }).click();
    await answered;
    await expect.poll(() => opened.page.getByRole("button", { name: action }).isEnabled()).toBe(true);
    return (await opened.page.getByRole("region", { name: "Answer" }).textContent())!.trim();
  };

  it("classify, and say what is wrong with an input", async () => {
    expect(await visit("classifier", "classify")).toEqual(["Classify", "Explain"]);
    const answer = await send("Classify", { Text: "call me Ishmael" });
    const { body } = await ask(tinies.classifier, "/v1/classify", "call me Ishmael");
    expect(answer).toContain(body.data[0]!.label);
    await opened.inspect("classify");
    expect(await send("Classify", { Text: "whale ".repeat(300) })).toBe("");
    expect(await opened.page.getByRole("alert").textContent()).toMatch(/longer than the model takes/);
  });

  it("answer a question", async () => {
    expect(await visit("reader", "answer")).toEqual(["Answer"]);
    const values = { "Text that has the answer": "call me Ishmael. some years ago", Question: "who?" };
    expect(await send("Answer", values)).toMatch(/Probability that the text has no answer: \d/);
    await opened.inspect("answer");
  });

  it("translate, summarize and fill masks", async () => {
    expect(await visit("writer", "summarize")).toEqual([
      "Chat",
      "Complete",
      "Translate",
      "Summarize",
      "Fill mask",
      "Explain",
    ]);
    for (const [link, path] of [
      ["Summarize", "/v1/summarize"],
      ["Translate", "/v1/translate"],
    ] as const) {
      await opened.page.getByRole("link", { name: link }).click();
      const { body } = await ask(tinies.writer, path, "the whale");
      expect(await send(link, { Text: "the whale" })).toBe(String(body.data[0]!.text).trim());
    }
    await opened.inspectNarrow("translate");
    await opened.page.getByRole("link", { name: "Fill mask" }).click();
    await opened.page.getByLabel("Text").fill("the whale ");
    await opened.page.getByRole("button", { name: "Insert [MASK]" }).click();
    expect(await send("Fill", {})).toMatch(/Likeliest tokens/);
    expect(await opened.page.getByRole("meter").count()).toBe(5);
    await opened.inspect("fill-mask");
    await opened.inspectNarrow("fill-mask-narrow");
    expect(opened.errors.filter((text) => !text.includes("400"))).toEqual([]);
  });
});

describe("other servers' pages", () => {
  const preflight = (tiny: TinyServer, origin: string) =>
    fetch(`${tiny.server.url}/v1/completions`, {
      method: "OPTIONS",
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
      },
    });

  it("may ask if the operator says so", async () => {
    const allowed = await preflight(tinies.classifier, "https://a.example");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://a.example");
    expect(allowed.headers.get("access-control-allow-headers")).toBe("authorization");
    const other = await preflight(tinies.classifier, "https://b.example");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    expect((await preflight(tinies.writer, "https://a.example")).headers.get("access-control-allow-origin")).toBeNull();
  });
});
