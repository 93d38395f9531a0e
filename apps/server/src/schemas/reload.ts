/** The request of /v1/reload. */
import { z } from "@hono/zod-openapi";
import { optional } from "./sampling.ts";

/** Which model to reload. */
export const reloadSchema = z
  .strictObject({ model: optional(z.string()).openapi({ description: "Default: the first model." }) })
  .openapi("ReloadRequest");
