/** The files of the page, read once. They are built next to the server, and found in dist/ when running from the sources. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file as it is answered. */
export interface PageFile {
  body: Uint8Array<ArrayBuffer>;
  type: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The files by their paths, "/" for the page itself; none if it was not built. */
export function readPageFiles(directory: string | undefined): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const built =
    directory ??
    [new URL("./ui", import.meta.url), new URL("../../dist/ui", import.meta.url)]
      .map((url) => fileURLToPath(url))
      .find((path) => existsSync(join(path, "index.html")));
  if (built === undefined) return files;
  for (const entry of readdirSync(built, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(built.length).replaceAll("\\", "/");
    const type = TYPES[extname(name)];
    if (type) files.set(name === "/index.html" ? "/" : name, { body: new Uint8Array(readFileSync(path)), type });
  }
  return files;
}
