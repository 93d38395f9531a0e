/** Serves the page for training runs alone, without a model. */
import { Hono } from "hono";
import { answerErrors } from "../http/app.ts";
import { type ListenOptions, listen, urlOf } from "../http/listen.ts";
import { addPageRoutes } from "../page/routes.ts";
import { checkRunsDirectory } from "./find-runs.ts";
import { addRunRoutes } from "./routes.ts";

/** Options of `serveRuns`. */
export interface ServeRunsOptions extends ListenOptions {
  /** The directory below which runs lie. */
  directory: string;
  /** The directory of the built page. Default: the one that was built with this package. */
  pageDirectory?: string;
}

/** Starts. Throws a ServerError for a directory that is none, and for a port in use. */
export async function serveRuns(options: ServeRunsOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { directory, pageDirectory } = options;
  checkRunsDirectory(directory);
  const app = new Hono();
  app.get("/health", () => Response.json({ status: "ok" }));
  addRunRoutes(app, directory);
  const features = { model: null, loading: false, runs: true };
  addPageRoutes(app, { features: () => features, directory: pageDirectory });
  answerErrors(app);
  const server = await listen(app, options);
  return {
    url: urlOf(server),
    async close() {
      const ended = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await ended;
    },
  };
}
