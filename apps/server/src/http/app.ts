/** The routes of the server, and what happens around each: request ids, keys, errors, logs. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { addDocsRoute } from "../docs/routes.ts";
import { ApiError } from "../errors.ts";
import type { RequestLog } from "../options.ts";
import { addPageRoutes, type PageFeatures } from "../page/routes.ts";
import { chatCompletions } from "../routes/chat-completions.ts";
import { completions } from "../routes/completions.ts";
import { embeddings } from "../routes/embeddings.ts";
import { explain } from "../routes/explain.ts";
import { fillMask } from "../routes/fill-mask.ts";
import { getModel, listModels } from "../routes/models.ts";
import { neurons } from "../routes/neurons.ts";
import { passages } from "../routes/passages.ts";
import { reload } from "../routes/reload.ts";
import { responses } from "../routes/responses.ts";
import { runTask, taskRoutes } from "../routes/tasks.ts";
import { detokenize, tokenize, tokenizerInfo } from "../routes/tokens.ts";
import { addRunRoutes } from "../runs/routes.ts";
import { createAccess } from "./access.ts";
import { errorResponse } from "./api-error.ts";
import { createOpenApiDocument, needsKey } from "./openapi.ts";
import type { ServerState } from "./server-state.ts";

/** Options of `createApp`. */
export interface AppOptions {
  apiKeys: readonly string[];
  publicModels: boolean;
  /** Whether there is a route to reload models. */
  allowReload: boolean;
  onRequest: (entry: RequestLog) => void;
  /** Origins of pages that may ask; "*" for all. */
  corsOrigins: readonly string[];
  /** A directory whose training runs are shown. */
  runs?: string;
  /** The built page. */
  pageDirectory?: string;
}

/** The id of a request, by which its client and the log name it: the client's own if it is harmless. */
const requestId = (given: string | undefined) => (given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID());

/** Creates the application. */
export function createApp(state: ServerState, options: AppOptions): Hono {
  const { apiKeys, publicModels, allowReload, onRequest, corsOrigins, runs, pageDirectory } = options;
  const app = new Hono();
  const checkKey = createAccess(apiKeys);
  const document = createOpenApiDocument({ secured: apiKeys.length > 0, reloads: allowReload });

  app.use(async (context, next) => {
    const start = performance.now();
    const id = requestId(context.req.header("x-request-id"));
    await next();
    context.res.headers.set("X-Request-Id", id);
    const { method, path } = context.req;
    onRequest({ id, method, path, status: context.res.status, milliseconds: performance.now() - start });
  });
  if (corsOrigins.length > 0) {
    const exposeHeaders = ["X-Request-Id", "Retry-After"];
    app.use(cors({ origin: corsOrigins.includes("*") ? "*" : [...corsOrigins], exposeHeaders, maxAge: 600 }));
  }
  app.use(async (context, next) => {
    const { path } = context.req;
    const isPublic = !needsKey(path) || (publicModels && path.startsWith("/v1/models"));
    if (!isPublic) checkKey(context.req.header("authorization"));
    await next();
  });

  app.get("/health", () => {
    const { info } = state.models;
    if (state.isClosing) return Response.json({ status: "shutting down" }, { status: 503 });
    return Response.json({ status: info ? "ok" : "loading" }, { status: info ? 200 : 503 });
  });
  app.get("/metrics", async () => {
    return new Response(await state.metrics.text(), { headers: { "Content-Type": state.metrics.contentType } });
  });
  app.get("/v1/models", () => listModels(state));
  app.get("/v1/models/:name{.+}", (context) => getModel(state, context.req.param("name")));
  app.post("/v1/completions", (context) => completions(context.req.raw, state));
  app.post("/v1/chat/completions", (context) => chatCompletions(context.req.raw, state));
  app.post("/v1/responses", (context) => responses(context.req.raw, state));
  app.post("/v1/embeddings", (context) => embeddings(context.req.raw, state));
  app.post("/v1/fill-mask", (context) => fillMask(context.req.raw, state));
  app.post("/v1/passages", (context) => passages(context.req.raw, state));
  app.post("/v1/neurons", (context) => neurons(context.req.raw, state));
  app.post("/v1/explain", (context) => explain(context.req.raw, state));
  for (const route of taskRoutes) app.post(route.path, (context) => runTask(context.req.raw, state, route));
  app.post("/tokenize", (context) => tokenize(context.req.raw, state));
  if (allowReload) app.post("/v1/reload", (context) => reload(context.req.raw, state));
  app.get("/tokenizer_info", (context) => tokenizerInfo(context.req.query("model"), state));
  app.post("/detokenize", (context) => detokenize(context.req.raw, state));
  app.get("/openapi.json", () => Response.json(document));
  addDocsRoute(app, document);

  if (runs !== undefined) addRunRoutes(app, runs);
  addPageRoutes(app, { features: () => pageFeatures(state, { runs: runs !== undefined }), directory: pageDirectory });
  answerErrors(app);
  return app;
}

/** What the page offers of a model. */
function pageFeatures({ models }: ServerState, { runs }: Pick<PageFeatures, "runs">): PageFeatures {
  const { info } = models;
  const name = models.resolve(null);
  if (!info) return { model: null, loading: true, runs };
  const { chats, generates, tasks, explains, findsPassages } = info;
  // A model with a head for labels or spans may still write, but nothing that it was trained for.
  const writes = !tasks.some(({ name }) => name === "classify" || name === "answer");
  const model = { name, chats: chats && writes, generates: generates && writes, tasks, explains, findsPassages };
  return { model, loading: false, runs };
}

/** Answers to unknown paths, and to errors of any route. */
export function answerErrors(app: Hono): void {
  app.notFound(({ req }) => {
    const message = `there is no ${req.method} ${req.path.slice(0, 100)}`;
    const allowed = methodsAt(app, req.path);
    if (allowed.length === 0) return errorResponse(new ApiError(message, { status: 404, code: "not_found" }));
    const response = errorResponse(
      new ApiError(`${message}: expected ${allowed.join(" or ")}`, { status: 405, code: "method_not_allowed" }),
    );
    response.headers.set("Allow", allowed.join(", "));
    return response;
  });
  app.onError((error) => errorResponse(error));
}

/** The methods that a path has routes for. */
function methodsAt({ routes }: Hono, path: string): string[] {
  const matches = (route: string) =>
    new RegExp(`^${route.replaceAll(/:\w+\{(.+?)\}/g, "$1").replaceAll(/:\w+/g, "[^/]+")}$`).test(path);
  const own = routes.filter(({ method, path: route }) => method !== "ALL" && matches(route));
  const methods = new Set(own.map(({ method }) => method));
  return methods.has("GET") ? [...methods, "HEAD"] : [...methods];
}
