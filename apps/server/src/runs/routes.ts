/** GET /v1/runs and /v1/runs/metrics: training runs and what they have reported, for the page. */
import { join } from "node:path";
import type { Hono } from "hono";
import { ApiError } from "../errors.ts";
import { findRuns, METRICS_FILE } from "./find-runs.ts";
import { readMetrics } from "./read-metrics.ts";

/** Adds the routes for the runs below a directory. */
export function addRunRoutes(app: Hono, directory: string): void {
  app.get("/v1/runs", async () => Response.json({ object: "list", data: await findRuns(directory) }));
  app.get("/v1/runs/metrics", async ({ req }) => {
    const name = req.query("run");
    const from = Number(req.query("from") ?? 0);
    if (!Number.isSafeInteger(from) || from < 0) {
      throw new ApiError("from: expected a number of bytes", { status: 400, param: "from" });
    }
    // Only what was found is read: a name cannot lead out of the directory.
    const run = (await findRuns(directory)).find((one) => one.name === name);
    if (!run) throw new ApiError("there is no such run", { status: 404, param: "run", code: "run_not_found" });
    return Response.json(await readMetrics(join(directory, run.name, METRICS_FILE), from));
  });
}
