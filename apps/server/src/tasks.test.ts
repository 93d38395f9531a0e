/** The routes for tasks, against the library; and which pages may ask. */
import { pipeline } from "@megatron-ts/tasks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

const labels = ["calm", "rough"];
const tinies: Record<"classifier" | "reader" | "writer", TinyServer> = {} as Record<
  string,
  TinyServer
> as typeof tinies;
beforeAll(async () => {
  const encoder = { family: "bert" } as const;
  tinies.classifier = await startTiny(
    { corsOrigins: ["https://a.example"] },
    { ...encoder, task: { kind: "sequence-classification", labels } },
  );
  tinies.reader = await startTiny({}, { ...encoder, task: { kind: "question-answering" } });
  tinies.writer = await startTiny({}, { family: "gpt" });
});
afterAll(async () => {
  for (const tiny of Object.values(tinies)) await tiny.stop();
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
