/** GET /docs: the OpenAPI document as a page. */
import type { Hono } from "hono";
import { type ApiDocument, docsPage } from "./docs-page.ts";

/** Nothing but the page itself: no scripts, nothing from elsewhere. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Adds the route. `document` is the OpenAPI document of the server. */
export function addDocsRoute(app: Hono, document: object): void {
  app.get("/docs", async ({ req }) => {
    const page = await docsPage(document as ApiDocument, { url: new URL(req.url).origin });
    return new Response(page, {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      },
    });
  });
}
