/** Listens on an address, with limits on how slowly a client may send. */
import type { Server } from "node:http";
import { isIP } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { ServerError } from "../errors.ts";

/** Where to listen, see ServerOptions. */
export interface ListenOptions {
  host?: string;
  port?: number;
  requestTimeout?: number;
}

/** Listens with an application. Throws a ServerError for a port in use or an address that is not this machine's. */
export function listen(app: Hono, { host = "127.0.0.1", port = 8000, ...options }: ListenOptions): Promise<Server> {
  const requestTimeout = 1000 * (options.requestTimeout ?? 30);
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    // Of requests that name none, such as a load balancer's checks in HTTP/1.0.
    hostname: "localhost",
    serverOptions: {
      // A client that sends slowly is cut off.
      requestTimeout,
      headersTimeout: Math.min(requestTimeout, 10_000),
      connectionsCheckingInterval: Math.min(requestTimeout, 5000) / 2,
    },
  }) as Server;
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} of ${host} is in use: choose another with --port`,
    EACCES: `port ${port} needs more permissions: choose one above 1023`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `${host} is no address of this machine`,
  };
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = reasons[error.code ?? ""];
      reject(reason === undefined ? error : new ServerError(reason));
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** Where a server is reached, without a path. */
export function urlOf(server: Server): string {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server does not listen");
  const host = isIP(address.address) === 6 ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
