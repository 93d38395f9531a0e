/** GET / and its files: the page, which talks to nothing but this server. */
import type { Hono } from "hono";
import type { ServedTask } from "../engine/served-tasks.ts";
import { ApiError } from "../errors.ts";
import { readPageFiles } from "./page-files.ts";

/** What the page offers. */
export interface PageFeatures {
  /** The model; null where only runs are shown, or it is loading. */
  model: {
    name: string;
    chats: boolean;
    generates: boolean;
    tasks: readonly ServedTask[];
    explains: boolean;
    findsPassages: boolean;
  } | null;
  /** Whether a model is expected. */
  loading: boolean;
  runs: boolean;
}

/** Scripts and data come from this server alone. Explanations colour tokens by their `style`, and draw maps as data. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Whether a path is of the page, which is the same for all and needs no key. */
export const isPagePath = (path: string): boolean => path === "/" || path.startsWith("/assets/");

/** Adds the page's routes. `directory` has the built page; default: where the build puts it. */
export function addPageRoutes(
  app: Hono,
  { features, directory }: { features: () => PageFeatures; directory?: string },
): void {
  const files = readPageFiles(directory);
  const answer = (path: string) => {
    const file = files.get(path);
    if (!file) {
      const message = files.size === 0 ? "the page is not built: run `pnpm build`" : "there is no such file";
      throw new ApiError(message, { status: 404, code: "not_found" });
    }
    // Names of assets have a hash of their contents.
    const cache = path === "/" ? "no-cache" : "public, max-age=31536000, immutable";
    return new Response(file.body, {
      headers: {
        "Content-Type": file.type,
        "Cache-Control": cache,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      },
    });
  };
  app.get("/", () => answer("/"));
  app.get("/assets/:name", ({ req }) => answer(req.path));
  app.get("/v1/page", () => Response.json(features()));
}
