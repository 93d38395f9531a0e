/** The page in a real Chromium: generating, explaining and watching runs, by keyboard too, light, dark and narrow; and what axe finds. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Explanation } from "@megatron-ts/explain";
import { explanationPage } from "@megatron-ts/explain/html";
import type { NeuronPassages, TrainingPassages } from "@megatron-ts/explain/passages";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveRuns } from "./runs/serve-runs.ts";
import { buildPage, chromiumPath, launchBrowser } from "./testing/browser.ts";
import { type OpenPage, openPage } from "./testing/inspect-page.ts";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

let built: Awaited<ReturnType<typeof buildPage>>;
let runs: string;
let tiny: TinyServer;
let browser: Browser;
let opened: OpenPage;
let page: Page;

const report = (step: number, loss: number) =>
  `${JSON.stringify({ step, loss, learningRate: 0.01 / step, tokensPerSecond: 1000 + step, kilowattHours: step / 1e6 })}\n`;

beforeAll(async () => {
  if (chromiumPath === undefined) return;
  built = await buildPage();
  runs = mkdtempSync(join(tmpdir(), "megatron-runs-"));
  for (const name of ["first", "second"]) {
    mkdirSync(join(runs, name, "run"), { recursive: true });
    const reports = Array.from({ length: 30 }, (_, i) => report(10 * (i + 1), 8 / (i + 1) ** 0.3));
    writeFileSync(join(runs, name, "run", "metrics.jsonl"), reports.join(""));
  }
  tiny = await startTiny({ runs, data: true, pageDirectory: built.directory });
  browser = await launchBrowser();
  opened = await openPage(browser);
  page = opened.page;
});
afterAll(async () => {
  if (chromiumPath === undefined) return;
  await browser.close();
  await tiny.stop();
  built.remove();
  rmSync(runs, { recursive: true, force: true });
});

describe.skipIf(chromiumPath === undefined)("the page", () => {
  it("completes a text with the probabilities of its tokens", async () => {
    await page.goto(`${tiny.server.url}/#complete`);
    await page.getByLabel("Text").fill("the whale");
    await page.getByLabel("Tokens").fill("12");
    // The same tokens each time, none of which ends the text.
    await page.getByLabel("Temperature").fill("0");
    await page.getByLabel("Text").press("Control+Enter");
    const group = page.getByRole("group", { name: "Completion" });
    await expect.poll(() => group.locator(".token").count()).toBe(12);
    await group.locator(".token").filter({ hasText: /\S/ }).first().hover();
    await expect.poll(() => page.locator(".alternatives li").count()).toBeGreaterThanOrEqual(5);
    expect(await group.textContent()).toMatch(/^the whale/);
    expect(await group.textContent()).not.toContain("bytes:");
    const first = await page.locator(".alternatives p").textContent();
    await group.focus();
    await page.keyboard.press("End");
    await expect.poll(() => page.locator(".token.chosen").getAttribute("data-index")).toBe("11");
    expect(await page.locator(".alternatives p").textContent()).not.toBe(first);
    await opened.inspect("complete");
  });

  it("chats by keyboard alone, and stops a generation", async () => {
    await page.getByRole("link", { name: "Chat" }).press("Enter");
    await page.getByLabel("Message").fill("who are you?");
    await page.getByLabel("Message").press("Enter");
    await expect.poll(() => page.locator(".messages li").count()).toBe(2);
    await page.getByLabel("Tokens").fill("100");
    await expect.poll(() => page.getByRole("button", { name: "Send" }).isEnabled()).toBe(true);
    await opened.inspect("chat");
    await page.getByRole("button", { name: "Start over" }).click();
    expect(await page.locator(".messages li").count()).toBe(0);
  });

  it("documents the API, by the OpenAPI document alone", async () => {
    const { page: docs, inspect } = opened;
    await docs.goto(tiny.server.url);
    const link = await docs.getByRole("link", { name: "API" }).getAttribute("href");
    await docs.goto(tiny.server.url + link);
    await docs.getByRole("heading", { name: "POST /v1/completions" }).waitFor();
    const document = (await (await fetch(`${tiny.server.url}/openapi.json`)).json()) as { paths: object };
    const sections = docs.getByRole("region");
    expect(await sections.count()).toBe(Object.keys(document.paths).length);
    const row = sections.first().getByRole("row", { name: /^prompt/ });
    expect(await row.textContent()).toContain("prompt requiredstring | integer[] | string[] | integer[][]");
    expect(
      await sections
        .first()
        .getByRole("row", { name: /^temperature/ })
        .textContent(),
    ).toMatch(/number, 0 to 2.*greedy/);
    await inspect("docs", ["header", "main > nav", "section:nth-of-type(1)", "section:nth-of-type(14)"]);
    await docs.setViewportSize({ width: 360, height: 740 });
    expect(await docs.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await docs.setViewportSize({ width: 1280, height: 720 });
    await docs.goto(tiny.server.url);
  });

  it("explains a prediction", async () => {
    await page.getByRole("link", { name: "Explain" }).click();
    await page.getByLabel("Text").fill("the white");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByRole("heading", { name: "Which tokens made it so" }).waitFor();
    expect(await page.locator("figure img").count()).toBe(4);
    expect(
      await page
        .locator("figure img")
        .last()
        .evaluate((image) => "naturalWidth" in image && image.naturalWidth),
    ).toBeGreaterThan(1);
    await opened.inspect("explain");
    const neurons = page.getByRole("region", { name: "Passages that excite a neuron" });
    const suggested = neurons.getByRole("list", { name: /^Most active neurons/ }).getByRole("button");
    expect(await suggested.count()).toBe(5);
    const [layer, neuron] = (await suggested.first().textContent())!.split(":");
    await suggested.first().press("Enter");
    const found = `What makes neuron ${neuron} of layer ${layer} most active`;
    await neurons.getByRole("heading", { name: found }).waitFor();
    const passage = neurons.locator(".passages > li").first();
    expect(await passage.locator("q span").count()).toBeGreaterThan(5);
    await passage.getByText("Token by token").click();
    expect(await passage.locator(".tokens li").count()).toBe(await passage.locator("q span").count());
    expect(await passage.locator(".tokens small").first().textContent()).toMatch(/^[+\u2212]\d+\.\d\d$/);
    await opened.inspect("neurons");
    await opened.inspectNarrow("neurons-narrow");
    await neurons.getByRole("spinbutton", { name: "Layer" }).fill("3");
    await neurons.getByRole("button", { name: "Find passages" }).click();
    await expect.poll(() => neurons.getByRole("alert").textContent()).toMatch(/no such layer: the model has 2 layers/);
    await page.getByLabel("Text").fill("whale ".repeat(200));
    await page.getByRole("button", { name: "Explain" }).click();
    await expect.poll(() => page.getByRole("alert").first().textContent()).toMatch(/at most 192/);
  });

  it("shows explanations as files of their own, as `megatron explain --html` writes them", async () => {
    const answer = async <T>(path: string, input: string) => (await (await tiny.post(path, { input })).json()) as T;
    const explanation = await answer<Explanation>("/v1/explain", "the white <b>whale</b>");
    const passages = await answer<TrainingPassages>("/v1/passages", "the white whale in the old sea");
    const file = join(runs, "explained.html");
    const { layer, neuron } = explanation.neurons[0]!;
    const asked = await tiny.post("/v1/neurons", { layer, neuron, top_k: 2 });
    const neuronPassages = (await asked.json()) as NeuronPassages;
    expect(neuronPassages).toMatchObject({
      object: "neuron_passages",
      model: "tiny",
      layer,
      neuron,
      passages: [{}, {}],
    });
    writeFileSync(file, explanationPage(explanation, { title: "Explained: tiny", passages, neuronPassages }));
    const own = await openPage(browser);
    await own.page.goto(`file://${file}`);
    expect(await own.page.getByRole("heading", { level: 2 }).allTextContents()).toEqual([
      "What comes next",
      "Which tokens made it so",
      "Layer by layer",
      "Neurons",
      "Attention",
      "In the training data",
      "Similar passages",
      `What makes neuron ${neuron + 1} of layer ${layer + 1} most active`,
    ]);
    await own.inspect("file");
    await own.inspectNarrow("file-narrow");
    expect(own.errors).toEqual([]);
    await own.page.close();
  });

  it("searches the training data", async () => {
    await page.getByRole("link", { name: "Training data" }).click();
    await page.getByLabel("Text").fill("I saw the white whale in the old sea");
    await page.getByRole("button", { name: "Search" }).click();
    await expect.poll(() => page.locator("mark").first().textContent()).toMatch(/the white whale in the old sea/);
    expect(await page.locator(".passages small").first().textContent()).toMatch(/tokens; document 0, token \d+ of/);
    await opened.inspect("passages");
    await opened.inspectNarrow("passages-narrow");
    await page.getByLabel("Text").fill("a");
    await page.getByRole("button", { name: "Search" }).click();
    await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/at least 3/);
  });

  it("shows runs as they are written, and fits narrow screens", async () => {
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByRole("checkbox", { name: "first/run" }).check();
    await page.getByRole("checkbox", { name: "second/run" }).check();
    await expect.poll(() => page.locator("polyline").count()).toBe(8);
    appendFileSync(join(runs, "first/run/metrics.jsonl"), `${report(310, 1.2345)}{"step":320,"lo`);
    await expect
      .poll(() => page.getByRole("row", { name: /first\/run.*310.*1\.235/ }).count(), { timeout: 10_000 })
      .toBe(1);
    await opened.inspect("runs");
    await opened.inspectNarrow("runs-narrow");
    expect(opened.errors.filter((text) => !text.includes("400"))).toEqual([]);
  });
});

describe("the runs' routes", () => {
  it("serve a directory without a model, and nothing outside of it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "megatron-runs-"));
    mkdirSync(join(directory, "a"));
    writeFileSync(join(directory, "a", "metrics.jsonl"), '{"step":1,"loss":2}\nbroken\n{"step":2');
    const server = await serveRuns({ directory, port: 0 });
    const get = async (path: string) => {
      const response = await fetch(server.url + path);
      return { status: response.status, body: await response.json() };
    };
    try {
      expect((await get("/v1/page")).body).toEqual({ model: null, loading: false, runs: true });
      expect((await get("/v1/runs")).body).toMatchObject({ data: [{ name: "a", bytes: 36 }] });
      expect((await get("/v1/runs/metrics?run=a")).body).toEqual({
        reports: [{ step: 1, loss: 2 }],
        next: 27,
        size: 36,
      });
      expect(await get("/v1/runs/metrics?run=../etc")).toMatchObject({
        status: 404,
        body: { error: { param: "run" } },
      });
      expect(await get("/v1/runs/metrics?run=a&from=x")).toMatchObject({
        status: 400,
        body: { error: { param: "from" } },
      });
    } finally {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    }
    await expect(serveRuns({ directory, port: 0 })).rejects.toThrow(expect.objectContaining({ name: "ServerError" }));
  });
});
