/** An HTTP server for trained models. */
export { type LoadOptions, measureServer } from "./bench/load.ts";
export type { Distribution, LoadReport, Objectives } from "./bench/timings.ts";
export { type Chat, type ChatOptions, createChat } from "./chat/chat-client.ts";
export type { ModelInfo } from "./engine/protocol.ts";
export { ServerError } from "./errors.ts";
export type { ModelEvent } from "./models/engine-slots.ts";
export type { RequestLog, ServerOptions } from "./options.ts";
export { type ServeRunsOptions, serveRuns } from "./runs/serve-runs.ts";
export { type RunningServer, startServer } from "./serve.ts";
