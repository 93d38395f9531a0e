/** An HTTP server for trained models. */
export type { ModelInfo } from "./engine/protocol.ts";
export { ServerError } from "./errors.ts";
export type { RequestLog, ServerOptions } from "./options.ts";
export { type RunningServer, startServer } from "./serve.ts";
