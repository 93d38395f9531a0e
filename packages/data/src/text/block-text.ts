/**
 * Renders the text of HTML elements: blank lines between blocks, line breaks between list items and table rows, white space
 * collapsed except in `<pre>`. Walks without recursion, since real pages nest thousands of elements deep.
 */

/** The part of a DOM node that is used here. */
export interface DomNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
  readonly firstChild: DomNode | null;
  readonly nextSibling: DomNode | null;
  readonly parentNode: DomNode | null;
}

const ELEMENT = 1;
const TEXT = 3;

const hidden = new Set(
  "HEAD TITLE SCRIPT STYLE TEMPLATE NOSCRIPT SVG CANVAS IFRAME OBJECT AUDIO VIDEO SELECT TEXTAREA BUTTON RP RT".split(
    " ",
  ),
);
const paragraphs = new Set(
  (
    "ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY DETAILS DIALOG DIV DL FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 " +
    "HEADER HGROUP HR MAIN NAV OL P PRE SECTION TABLE UL"
  ).split(" "),
);
const lines = new Set("BR LI DT DD TR CAPTION SUMMARY OPTION".split(" "));
const cells = new Set(["TD", "TH"]);

/** The text under `root`, trimmed. */
export function blockText(root: DomNode): string {
  const pieces: string[] = [];
  let breaks = 0;
  let space = false;
  let preformatted = 0;
  const write = (text: string) => {
    if (pieces.length > 0) pieces.push(breaks > 0 ? "\n".repeat(breaks) : space ? " " : "");
    pieces.push(text);
    breaks = 0;
    space = false;
  };
  const writeCollapsed = (text: string) => {
    const collapsed = text.replace(/[ \t\n\r\f\u00a0]+/g, " ");
    if (collapsed.startsWith(" ")) space = true;
    const end = collapsed.length - (collapsed.endsWith(" ") ? 1 : 0);
    const words = collapsed.slice(collapsed.startsWith(" ") ? 1 : 0, end);
    if (words === "") return;
    write(words);
    space = end < collapsed.length;
  };
  const atEdge = (name: string) => {
    if (paragraphs.has(name)) breaks = 2;
    else if (lines.has(name)) breaks = Math.max(breaks, 1);
    else if (cells.has(name)) space = true;
  };
  for (let node: DomNode | null = root; node; ) {
    const name = node.nodeType === ELEMENT ? node.nodeName.toUpperCase() : "";
    if (node.nodeType === TEXT && node.nodeValue) {
      if (preformatted > 0 && node.nodeValue.trim() !== "") write(node.nodeValue.replaceAll("\r", ""));
      else writeCollapsed(node.nodeValue);
    }
    atEdge(name);
    if (node.firstChild && !hidden.has(name)) {
      if (name === "PRE") preformatted++;
      node = node.firstChild;
      continue;
    }
    while (node && node !== root && !node.nextSibling) {
      node = node.parentNode;
      if (node?.nodeName.toUpperCase() === "PRE") preformatted--;
      if (node) atEdge(node.nodeType === ELEMENT ? node.nodeName.toUpperCase() : "");
    }
    node = node === root ? null : (node?.nextSibling ?? null);
  }
  return pieces.join("").trim();
}
