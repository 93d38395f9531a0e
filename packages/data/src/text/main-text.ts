/**
 * The text of a web page. `mainText` is what a reader came for, without menus, advertisements and footers: found by
 * Mozilla's Readability (Firefox's reader view). `wholeText` is all that the page shows. No script of the page runs.
 */
import { Readability } from "@mozilla/readability";
import { parseHTML } from "linkedom";
import { blockText, type DomNode } from "./block-text.ts";

/** Readability's time grows with the square of the depth, and its recursion with it: 500 levels take a second. */
const DEEPEST_ARTICLE = 200;
/** Parsing is quadratic in the depth as well, with a small factor. */
const DEEPEST_PAGE = 10_000;

/**
 * Of a page whose elements nest more than 200 deep, all that it shows. Readability drops a heading that is the page's
 * title too; where the page has one main heading, the text begins with it.
 * @throws Error for a page that nests more than 10,000 deep.
 */
export function mainText(html: string): string {
  const document = parse(html);
  if (depthOf(document.body) > DEEPEST_ARTICLE) return blockText(document.body);
  const headings = [...document.querySelectorAll("h1")].map(blockText);
  const article = new Readability(document as never, { serializer: (element) => element }).parse();
  const text = article?.content ? blockText(article.content as unknown as DomNode) : "";
  const heading = headings.length === 1 ? headings[0]! : "";
  return text === "" || text.includes(heading) ? text : `${heading}\n\n${text}`;
}

/** @throws Error as `mainText` does. */
export const wholeText = (html: string): string => blockText(parse(html).body);

function parse(html: string): { body: DomNode; querySelectorAll(name: string): Iterable<DomNode> } {
  if (opensDeeperThan(html, DEEPEST_PAGE)) throw new Error("its elements are nested too deeply");
  const page = expandEmptyElements(html);
  return parseHTML(/<(html|body)[\s>]/i.test(page) ? page : `<html><body>${page}</body></html>`).document as never;
}

/** XHTML writes `<a id="x"/>` for an empty element, which HTML takes for one that begins. Void elements stay. */
function expandEmptyElements(html: string): string {
  if (!/^\s*<\?xml|<html[^>]+xmlns=/i.test(html.slice(0, 2000))) return html;
  return html.replace(
    /<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)([a-z][\w:-]*)(\s[^<>]*?)?\/>/gi,
    "<$1$2></$1>",
  );
}

/** By elements that only their own end tag closes: a list of a million `<li>` without end tags is not deep. */
function opensDeeperThan(html: string, limit: number): boolean {
  let depth = 0;
  for (const [, end] of html.matchAll(
    /<(\/?)(?:div|span|a|b|i|u|em|strong|font|center|section|blockquote|ul|ol)\b/gi,
  )) {
    depth = Math.max(0, depth + (end ? -1 : 1));
    if (depth > limit) return true;
  }
  return false;
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
