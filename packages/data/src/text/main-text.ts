/**
 * Extracts the text of a web page: the article without menus, advertisements and footers, by Mozilla's Readability (Firefox's
 * reader view), or all visible text. Does not run scripts.
 */
import { Readability } from "@mozilla/readability";
import { parseHTML } from "linkedom";
import { blockText, type DomNode } from "./block-text.ts";
import { measureHtml } from "./html-size.ts";

/** Readability recurses, and its time grows with the square of the depth: 500 levels take a second. */
const DEEPEST_ARTICLE = 200;
/** It also takes a tenth of a millisecond for every element. */
const LARGEST_ARTICLE = 50_000;
/** Parsing is quadratic in the depth too, with a small factor, and takes a kilobyte and some microseconds for every node. */
const DEEPEST_PAGE = 10_000;
const LARGEST_TREE = 500_000;

// Readability's types are those of a browser's document, which a program without the DOM library lacks and linkedom's is not.
const Reader = Readability as unknown as new (
  document: Page,
  options: { serializer: (element: DomNode) => DomNode },
) => { parse(): Article | null };

/**
 * The article of a page, or all visible text where it has more than 50,000 tags, elements nest more than 200 deep, or
 * Readability fails. Begins with the main heading if the page has exactly one, since Readability drops headings that equal the title.
 * @throws Error for a page with more than 500,000 nodes, or whose elements nest more than 10,000 deep
 */
export function mainText(html: string): string {
  const { document, tags } = parse(html);
  if (tags > LARGEST_ARTICLE || depthOf(document.body) > DEEPEST_ARTICLE) return blockText(document.body);
  const headings = [...document.querySelectorAll("h1")].map(blockText);
  let article: Article | null;
  try {
    article = new Reader(document, { serializer: (element) => element }).parse();
  } catch {
    // It expects that no element is outside of the body, as browsers see to it. It has changed the document.
    return wholeText(html);
  }
  const text = article?.content ? blockText(article.content) : "";
  const heading = headings.length === 1 ? headings[0]! : "";
  return text === "" || text.includes(heading) ? text : `${heading}\n\n${text}`;
}

/** All visible text of a page. Throws an Error as `mainText` does. */
export const wholeText = (html: string): string => blockText(parse(html).document.body);

interface Article {
  content?: DomNode | null;
}

interface Page {
  body: DomNode;
  querySelectorAll(name: string): Iterable<DomNode>;
}

function parse(html: string): { document: Page; tags: number } {
  const { tags, nodes, depth } = measureHtml(html, LARGEST_TREE);
  if (depth > DEEPEST_PAGE) throw new Error("its elements nest too deeply");
  if (nodes > LARGEST_TREE) throw new Error(`it has more than ${LARGEST_TREE.toLocaleString("en")} nodes`);
  const page = expandEmptyElements(html);
  return {
    document: withBody(parseHTML(page).document) ?? parseHTML(`<html><body>${bare(page)}</body></html>`).document,
    tags,
  };
}

/** HTML lets pages leave out these tags; and linkedom makes an empty body where there is none. */
const bare = (page: string) => page.replace(/<\/?(?:html|head|body)(?:\s[^<>]*)?>/gi, "");

type HtmlDocument = ReturnType<typeof parseHTML>["document"];

/**
 * Moves what follows the body into it, as browsers do. Undefined for a page without a body, and for one with elements before
 * <html>, of which linkedom makes the first the root.
 */
function withBody(document: HtmlDocument): HtmlDocument | undefined {
  const body = document.querySelector("html > body");
  if (body?.parentNode !== document.documentElement) return undefined;
  for (let next = body?.nextSibling; body && next; next = body.nextSibling) body.appendChild(next);
  return body ? document : undefined;
}

/** Expands XHTML's `<a id="x"/>`, which HTML would read as an opening tag. Void elements stay. */
function expandEmptyElements(html: string): string {
  if (!/^\s*<\?xml|<html[^>]+xmlns=/i.test(html.slice(0, 2000))) return html;
  return html.replace(
    /<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)([a-z][\w:-]*)(\s[^<>]*?)?\/>/gi,
    "<$1$2></$1>",
  );
}

function depthOf(root: DomNode): number {
  let depth = 0;
  let deepest = 0;
  for (let node: DomNode | null = root; node; ) {
    if (node.firstChild) {
      deepest = Math.max(deepest, ++depth);
      node = node.firstChild;
      continue;
    }
    while (node && node !== root && !node.nextSibling) {
      node = node.parentNode;
      depth--;
    }
    node = node === root ? null : (node?.nextSibling ?? null);
  }
  return deepest;
}
