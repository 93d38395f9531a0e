/**
 * Measures a web page in one pass before it is parsed: parsers take memory and time by nodes and depth, not by bytes. Only an
 * estimate from above; does not build a tree.
 */

/** Sizes of a page. */
export interface HtmlSize {
  /** Tags that open or close, and comments. */
  tags: number;
  /** Tags, attributes, and texts, which entities divide. */
  nodes: number;
  /** Elements that are open at once. */
  depth: number;
}

/** These have no end tag, or may leave it out. */
const unclosed = new Set(
  (
    "area base br col embed hr img input link meta param source track wbr " +
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup rt rp body html head"
  ).split(" "),
);

/** Measures a page, or its beginning that has more than `most` nodes. */
export function measureHtml(html: string, most: number): HtmlSize {
  let tags = 0;
  let parts = 0;
  let open = 0;
  let depth = 0;
  const pattern = /&|<(?:!|(\/?)([a-z][^\s/>]{0,40}))/gi;
  for (let match = pattern.exec(html); match && parts + tags <= most; match = pattern.exec(html)) {
    parts++;
    const name = match[2]?.toLowerCase();
    if (match[0] === "&") continue;
    tags++;
    if (name === undefined) continue;
    const attributes = measureTag(html, pattern.lastIndex);
    parts += attributes.count;
    pattern.lastIndex = attributes.end;
    if (unclosed.has(name)) continue;
    if (match[1]) open = Math.max(0, open - 1);
    else if (!attributes.selfClosing) depth = Math.max(depth, ++open);
  }
  return { tags, nodes: parts + tags, depth };
}

/** The attributes after the name of a tag. */
function measureTag(html: string, start: number): { count: number; end: number; selfClosing: boolean } {
  const attribute = /\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)|\s*>/y;
  attribute.lastIndex = start;
  let count = 0;
  let end = start;
  let last = "";
  for (let match = attribute.exec(html); match; match = attribute.exec(html)) {
    end = attribute.lastIndex;
    if (match[0].endsWith(">")) break;
    last = match[0];
    count++;
  }
  return { count, end, selfClosing: last.endsWith("/") };
}
