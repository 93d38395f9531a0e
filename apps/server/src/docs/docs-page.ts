/** The OpenAPI document as a page to read: each route with its parameters, statuses and a curl command. No scripts, no network. */
import { html, raw } from "hono/html";
import { docsStyle } from "./docs-style.ts";
import { type JsonSchema, limitText, typeText } from "./schema-text.ts";

/** The parts of an OpenAPI document that are shown. */
export interface ApiDocument {
  info: { title: string; version: string };
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  components?: { schemas?: Readonly<Record<string, JsonSchema>> };
}

interface Operation {
  summary?: string;
  security?: readonly object[];
  requestBody?: { content: Readonly<Record<string, { schema: JsonSchema & { $ref?: string }; example?: unknown }>> };
  responses: Readonly<Record<string, { description: string }>>;
}

interface Route extends Operation {
  method: string;
  path: string;
}

const routesOf = ({ paths }: ApiDocument): Route[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, ...operation })),
  );

const idOf = ({ method, path }: Route) => `${method}${path.replaceAll(/[^a-z0-9]+/gi, "-")}`;

/**
 * The page's HTML.
 * @param options.url where the server is reached, for the commands
 */
export async function docsPage(document: ApiDocument, { url }: { url: string }): Promise<string> {
  const routes = routesOf(document);
  const title = `${document.info.title}: the API`;
  return String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(docsStyle)}</style>
</head>
<body>
<header><a href="/">The page</a> <a href="/openapi.json">openapi.json</a></header>
<main>
<h1>${title}</h1>
<p>Requests and answers are JSON. Errors have the shape of OpenAI's: <code>{ "error": { "message", "type", "param", "code" } }</code>. A
parameter that is not listed is an error. Every parameter that is not required may be left out, or null.</p>
<nav aria-label="Routes"><ul>${routes.map(
      (route) => html`<li><a href="#${idOf(route)}"><code>${route.path}</code></a> ${route.summary ?? ""}</li>`,
    )}</ul></nav>
${routes.map((route) => routeHtml(route, { document, url }))}
</main>
</body>
</html>
`,
  );
}

function routeHtml(route: Route, { document, url }: { document: ApiDocument; url: string }) {
  const { method, path, summary, requestBody, responses } = route;
  const body = requestBody?.content["application/json"];
  const variants = body ? variantsOf(body.schema, document) : [];
  return html`<section aria-labelledby="${idOf(route)}">
<h2 id="${idOf(route)}"><span class="method">${method.toUpperCase()}</span> <code>${path}</code></h2>
<p>${summary ?? ""}</p>
<pre tabindex="0" aria-label="A curl command for ${path}"><code>${curl(route, { url, example: body?.example })}</code></pre>
${variants.map((schema, index) => html`${index > 0 ? html`<p>Or:</p>` : ""}${parametersHtml(schema, { path })}`)}
<p class="statuses">${Object.entries(responses).map(
    ([status, { description }]) => html`<span><b>${status}</b> ${description}</span> `,
  )}</p>
</section>`;
}

/** The shapes that a body may have. */
function variantsOf(schema: JsonSchema & { $ref?: string }, { components }: ApiDocument): readonly JsonSchema[] {
  const name = schema.$ref?.split("/").at(-1);
  const found = name === undefined ? schema : components!.schemas![name]!;
  return found.anyOf ?? found.oneOf ?? [found];
}

function parametersHtml({ properties = {}, required = [] }: JsonSchema, { path }: { path: string }) {
  const names = Object.keys(properties).sort((a, b) => Number(required.includes(b)) - Number(required.includes(a)));
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Parameters of ${path}"><table>
<thead><tr><th scope="col">Parameter</th><th scope="col">Type</th><th scope="col">What it does</th></tr></thead>
<tbody>${names.map((name) => {
    const schema = properties[name]!;
    const limits = limitText(schema);
    return html`<tr><th scope="row"><code>${name}</code>${required.includes(name) ? html` <em>required</em>` : ""}</th><td><code>${typeText(schema)}</code>${limits && `, ${limits}`}</td><td>${schema.description ?? ""}</td></tr>
`;
  })}</tbody></table></div>`;
}

/** A command for a shell, in single quotes. */
function curl({ method, path, security }: Route, { url, example }: { url: string; example: unknown }): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    `curl ${quoted(url + path)}`,
    ...(security ? ['-H "Authorization: Bearer $API_KEY"'] : []),
    ...(method === "post"
      ? ["-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(example ?? {}))}`]
      : []),
  ].join(" \\\n  ");
}
