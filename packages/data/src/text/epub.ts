/**
 * Reads an e-book (EPUB 2 and 3) as one document: its pages in reading order, without tables of contents. yauzl reads the
 * archive, one page at a time; styles, fonts and pictures are never unpacked.
 */
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import { DOMParser } from "linkedom";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { DataError, fileError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { decodeHtml, LARGEST_PAGE } from "./html-bytes.ts";
import { measureHtml } from "./html-size.ts";
import { wholeText } from "./main-text.ts";
import { createPacer } from "./pacing.ts";

/** All pages of a book together: this many bytes in any case, */
const LARGEST_BOOK = 1 << 24;
/** and this many times the size of the archive. Books compress by a factor of three to five. */
const LARGEST_RATIO = 100;
const MOST_ENTRIES = 100_000;
/** Of all pages together; the Bible, with elements for every verse, has some 200,000. */
const MOST_NODES = 1_000_000;
const LARGEST_PACKAGE = 1 << 23;

/** The book as one document, with a part for each page; `line` is the page's number. */
export async function* readEpub(
  path: string,
  options: Omit<ReaderOptions, "textKey"> & { onBytes?: (count: number) => void },
): AsyncGenerator<DocumentPart> {
  const { source, onBytes } = options;
  const status = await stat(path).catch((error) => {
    throw fileError(error, source);
  });
  if (!status.isFile()) throw new DataError("is not a regular file", { source });
  const { size } = status;
  const damaged = (error: unknown) =>
    error instanceof DataError
      ? error
      : new DataError(`is damaged or not an EPUB book (${(error as Error).message})`, { source, cause: error });
  let zip: ZipFile | undefined;
  try {
    zip = await yauzl.openPromise(path, { autoClose: false });
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) {
      entries.set(entry.fileName, entry);
      if (entries.size > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES.toLocaleString("en")} files`);
    }
    let left = Math.max(LARGEST_BOOK, LARGEST_RATIO * size);
    const read = async (name: string) => {
      const { text, bytes } = await readEntry(zip!, { entry: entries.get(name), name });
      left -= bytes;
      if (left < 0) throw new Error(`its pages expand to more than ${LARGEST_RATIO} times its size`);
      return text;
    };
    const pages = await readingOrder(read);
    const encrypted = entries.has("META-INF/encryption.xml")
      ? encryptedNames(await read("META-INF/encryption.xml"))
      : [];
    if (pages.some((page) => encrypted.includes(page)))
      throw new DataError("is encrypted (DRM): expected a book without DRM", { source });
    const pace = createPacer();
    let started = false;
    let nodes = 0;
    for (const [i, page] of pages.entries()) {
      const html = await read(page);
      nodes += measureHtml(html, MOST_NODES).nodes;
      if (nodes > MOST_NODES) throw new Error(`its pages have more than ${MOST_NODES.toLocaleString("en")} nodes`);
      const text = wholeText(html);
      await pace();
      if (text === "") continue;
      yield { text: started ? `\n\n${text}` : text, source, line: i + 1, last: false };
      started = true;
    }
    yield { text: "", source, line: pages.length, last: true };
    onBytes?.(size);
  } catch (error) {
    throw damaged(error);
  } finally {
    zip?.close();
  }
}

async function readEntry(
  zip: ZipFile,
  { entry, name }: { entry: Entry | undefined; name: string },
): Promise<{ text: string; bytes: number }> {
  if (!entry) throw new Error(`it lacks ${name}`);
  if (entry.uncompressedSize > LARGEST_PAGE) throw new Error(`${name} is larger than ${LARGEST_PAGE >> 20} MB`);
  try {
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    return { text: decodeHtml(bytes), bytes: bytes.length };
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Names of the pages: META-INF/container.xml names the package, whose spine lists items of its manifest. */
async function readingOrder(read: (name: string) => Promise<string>): Promise<string[]> {
  const container = parseXml(await read("META-INF/container.xml"));
  const packagePath = elements(container, "rootfile")[0]?.getAttribute("full-path");
  if (!packagePath) throw new Error("META-INF/container.xml names no package");
  const book = parseXml(await read(packagePath));
  const items = new Map(elements(book, "item").map((item) => [item.getAttribute("id"), item]));
  const names: string[] = [];
  for (const reference of elements(book, "itemref")) {
    const item = items.get(reference.getAttribute("idref"));
    const href = item?.getAttribute("href");
    if (!item || !href)
      throw new Error(`the spine refers to ${reference.getAttribute("idref")}, which is not in the manifest`);
    const isText = /^(application\/xhtml\+xml|text\/html|application\/x-dtbook\+xml)$/.test(
      item.getAttribute("media-type") ?? "",
    );
    const isContents = (item.getAttribute("properties") ?? "").split(/\s+/).includes("nav");
    if (!isText || isContents || reference.getAttribute("linear") === "no") continue;
    names.push(posix.join(posix.dirname(packagePath), decodeURIComponent(href.split("#")[0]!)));
  }
  if (names.length === 0) throw new Error("its spine has no page");
  return names;
}

/** Names of encrypted files; often only fonts are. */
const encryptedNames = (xml: string) =>
  elements(parseXml(xml), "CipherReference").map((reference) =>
    decodeURIComponent(reference.getAttribute("URI") ?? ""),
  );

interface XmlElement {
  readonly localName: string;
  getAttribute(name: string): string | null;
}

function parseXml(text: string) {
  const { nodes, depth } = measureHtml(text, MOST_ENTRIES);
  if (text.length > LARGEST_PACKAGE || nodes > MOST_ENTRIES || depth > 100)
    throw new Error("its list of pages is too large");
  return new DOMParser().parseFromString(text, "text/xml");
}

/** Elements with a local name, whatever their prefix. */
const elements = (document: ReturnType<typeof parseXml>, name: string): XmlElement[] =>
  [...document.querySelectorAll("*")].filter(({ localName }) => localName.split(":").at(-1) === name);
