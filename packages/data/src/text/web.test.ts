import { readFileSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DataError } from "../errors.ts";
import { temporaryDirectory, webPage } from "../testing/directory.ts";
import { type ReadOptions, readDocuments } from "./documents.ts";
import { wholeText } from "./main-text.ts";
import { readWarcRecords } from "./warc-records.ts";

const path = temporaryDirectory();
const golden: { pages: Record<string, string | null>; book: string } = JSON.parse(
  readFileSync(webPage("golden.json"), "utf8"),
);

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  return path(name);
}

async function read(input: string, options: ReadOptions = {}) {
  const documents: { text: string; line: number }[] = [];
  for await (const { text, line } of readDocuments([input], options)) documents.push({ text, line });
  return documents;
}

async function problem(input: string): Promise<string> {
  const error = await read(input).then(
    () => expect.unreachable("was read"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message.replaceAll(path("/"), "");
}

const sentence = "It was seen early in the morning, while the town was asleep, and written down with care. ";
const article = (subject: string) => `<!doctype html><html><head><title>x</title><style>p { color: red }</style></head>
<body><nav><a href="/">Home</a></nav><article><h1>Of ${subject}</h1>
${`<p>${sentence.repeat(4)}</p>`.repeat(3)}<p>The last of ${subject} &amp; more.</p></article><footer>Imprint</footer></body></html>`;

describe("a web page", () => {
  it("gives its main text by paragraphs, without menus, scripts and footers", async () => {
    const paragraph = sentence.repeat(4).trim();
    const text = ["Of owls", paragraph, paragraph, paragraph, "The last of owls & more."].join("\n\n");
    expect(await read(file("owls.html", article("owls")))).toEqual([{ text, line: 1 }]);
    expect(await read(file("owls.HTM.gz", gzipSync(article("owls"))))).toEqual([{ text, line: 1 }]);
    expect(await read(file("small.html", "<p>Hello<br>there, <b>wor</b>ld"))).toEqual([
      { text: "Hello\nthere, world", line: 1 },
    ]);
  });

  it.each(["<div>menu</div>", "<l><li>a<li>b</ul>", "<!-- old --><p>"])(
    "with %s before its root has all its text",
    async (before) => {
      const page = `${before}<html><head><title>x</title></head><body><p>One<br/>two</p><pre> a\n b</pre></body></html>`;
      const [document] = await read(file("odd.html", page));
      expect(document?.text).toContain("One\ntwo");
      expect(document?.text).toContain(" a\n b");
    },
  );

  it("without any text is an empty document", async () => {
    expect(await read(file("empty.html", "<html><body><script>x()</script></body></html>"))).toEqual([
      { text: "", line: 1 },
    ]);
  });

  it.each([
    ["<html><head><title>x</title></head><h2>Title</h2><p>One<p>two</html>", "Title\n\nOne\n\ntwo"],
    ['<!doctype html><html><head><meta charset="utf-8><p>lost"><p>kept', "kept"],
    ["<html><body><p>One</body><p>two</html>", "One\n\ntwo"],
  ])("may leave out its body, have it damaged, or go on after it: %s", async (html, expected) => {
    expect((await read(file("no-body.html", html))).map(({ text }) => text)).toEqual([expected]);
  });

  it("is decoded as declared, or as it must be", async () => {
    const declared = (charset: string) =>
      article("naïve café").replace("<title>", `<meta charset="${charset}"><title>`);
    const inLatin = Buffer.from(declared("latin1"), "latin1");
    const inWide = Buffer.from(`\ufeff${declared("utf-8")}`, "utf16le");
    const undeclared = Buffer.from(article("naïve café"), "latin1");
    for (const bytes of [inLatin, inWide, undeclared, Buffer.from(article("naïve café"))])
      expect((await read(file("encoded.html", bytes)))[0]?.text).toMatch(/^Of naïve café\n\n/);
    for (const valueless of ["text/html; charset=", "text/html; charset", 'text/html; charset="utf-8'])
      expect(
        (
          await read(
            file(
              "valueless.html",
              article("naïve café").replace("<title>", `<meta http-equiv=content-type content='${valueless}'><title>`),
            ),
          )
        )[0]?.text,
      ).toMatch(/^Of naïve café\n\n/);
    const broken = file("broken.html", Buffer.from(declared("utf-8"), "latin1"));
    expect(await problem(broken)).toMatch(/^broken.html: .*invalid UTF-8/);
  });

  it("gives all visible text if nested deeply, and is refused if nested too deeply", async () => {
    const deep = `${"<div>".repeat(5000)}text<nav>menu</nav>${"</div>".repeat(5000)}`;
    expect(await read(file("deep.html", deep))).toEqual([{ text: "text\n\nmenu", line: 1 }]);
    expect(await problem(file("deeper.html", "<div>".repeat(1_000_000)))).toMatch(/^deeper.html: .*deep/);
  });

  it("is refused above 32 MB", async () => {
    const large = file("large.html", "<p>text</p>".repeat(3_100_000));
    expect(await problem(large)).toMatch(/^large.html: .*32 MB/);
  });
});

describe("whole text", () => {
  it.each([
    ["blocks and lines", "<h1>A</h1><p>b <i>c</i>\n d</p><ul><li>e</li><li>f</li></ul>", "A\n\nb c d\n\ne\nf"],
    ["tables", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a b\nc d"],
    ["line breaks", "a<br>b<div>c</div>d", "a\nb\n\nc\n\nd"],
    ["code", "x<pre>if (a)\n  b;</pre>y", "x\n\nif (a)\n  b;\n\ny"],
    ["entities", "a&nbsp;&lt;b&gt; &#233;", "a <b> é"],
    ["inline elements", "<b>wor</b>d <a> x </a>y", "word x y"],
    ["hidden elements", "a<script>no</script><style>no</style><svg><title>no</title></svg>b", "ab"],
    [
      "XHTML's empty elements",
      '<?xml version="1.0"?><html><head><title/></head><body><p/><a id="x"/>a</body></html>',
      "a",
    ],
  ])("of %s", (_, html, text) => {
    expect(wholeText(html)).toBe(text);
  });
});

describe("a web archive", () => {
  it("written by warcio gives the main text of every page, in any encoding", async () => {
    const documents = await read(webPage("crawl.warc.gz"));
    expect(documents.map(({ line }) => line)).toEqual(Object.keys(golden.pages).map(Number));
    for (const { text, line } of documents) {
      const subject = golden.pages[line];
      if (subject === null) {
        expect(text).toBe("");
        continue;
      }
      const accented = subject === "東京の鶴" ? "naive and cafe." : "naïve and café.";
      expect(text.startsWith(`Of ${subject}\n\n${subject} was seen early in the morning, while`)).toBe(true);
      expect(text.endsWith(`Paragraph 3 of it, ${accented}`)).toBe(true);
      expect(text).not.toMatch(/menu/);
    }
  });

  it("is read uncompressed too, in chunks of any size", async () => {
    const plain = gunzipSync(readFileSync(webPage("crawl.warc.gz")));
    expect(await read(file("crawl.warc", plain))).toEqual(await read(webPage("crawl.warc.gz")));
    for (const size of [1, 7, 1000]) {
      const chunks = Array.from({ length: Math.ceil(plain.length / size) }, (_, i) =>
        plain.subarray(i * size, (i + 1) * size),
      );
      const records: [number, string | undefined, number | undefined][] = [];
      const options = { source: "x", wanted: () => true, largest: 2000 };
      for await (const { number, fields, block } of readWarcRecords(Readable.from(chunks), options))
        records.push([number, fields.get("warc-type"), block?.length]);
      expect(records.map(([number, type]) => `${number} ${type}`)).toEqual(
        ["warcinfo", ...Array(9).fill("response"), "request"].map((type, i) => `${i + 1} ${type}`),
      );
      expect(records[0]?.[2]).toBe("software: warcio\r\n".length);
      expect(records[1]?.[2]).toBeUndefined(); // Larger than the limit.
    }
  });

  it("of Common Crawl's extracted texts gives these", async () => {
    const record = (type: string, mime: string, content: string) =>
      `WARC/1.0\r\nWARC-Type: ${type}\r\nContent-Type: ${mime}\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}\r\n\r\n`;
    const wet = [
      record("warcinfo", "application/warc-fields", "Software-Info: ia-web-commons"),
      record("conversion", "text/plain", "Home\nA naïve café\n"),
      record("conversion", "text/plain", "Second"),
    ].join("");
    const expected = [
      { text: "Home\nA naïve café", line: 2 },
      { text: "Second", line: 3 },
    ];
    expect(await read(file("CC-MAIN.warc.wet.gz", gzipSync(wet)))).toEqual(expected);
    expect(await read(file("crawl.wet", wet))).toEqual(expected);
  });

  it("that is damaged is refused by record; a damaged page can be skipped", async () => {
    const gzip = readFileSync(webPage("crawl.warc.gz"));
    const plain = gunzipSync(gzip);
    expect(await problem(file("cut.warc", plain.subarray(0, -40)))).toMatch(/^cut.warc:11: .*ends/);
    expect(await problem(file("cut.warc.gz", gzip.subarray(0, 1500)))).toMatch(/^cut.warc.gz:3: .*gzip/);
    expect(await problem(file("not.warc", "hello\r\n"))).toMatch(/^not.warc:1: .*"hello"/);
    const lengths = plain.toString("latin1").replace("Content-Length: 18", "Content-Length: xx");
    expect(await problem(file("length.warc", Buffer.from(lengths, "latin1")))).toMatch(
      /^length.warc:1: .*Content-Length/,
    );
    const zeros = Buffer.from(plain);
    const brotli = zeros.indexOf("Content-Encoding: br");
    zeros.fill(0xff, zeros.indexOf("\r\n\r\n", brotli) + 4, zeros.indexOf("\r\n\r\n", brotli) + 24);
    const page = file("page.warc", zeros);
    expect(await problem(page)).toMatch(/^page.warc:4: .*page/);
    const skipped: (number | undefined)[] = [];
    const documents = await read(page, { onBadLine: ({ line }) => skipped.push(line) });
    expect(skipped).toEqual([4]);
    expect(documents).toHaveLength(Object.keys(golden.pages).length - 1);
  });
});

describe("a book", () => {
  it("written by EbookLib gives its pages in reading order, as one document", async () => {
    expect(await read(webPage("book.epub"))).toEqual([{ text: golden.book, line: 1 }]);
    expect(await read(file("book.epub.gz", gzipSync(readFileSync(webPage("book.epub")))))).toEqual([
      { text: golden.book, line: 1 },
    ]);
  });

  it("that is damaged is refused", async () => {
    const whole = readFileSync(webPage("book.epub"));
    expect(await problem(file("not.epub", "hello"))).toMatch(/^not.epub: .*not an EPUB/);
    expect(await problem(file("cut.epub", whole.subarray(0, 1000)))).toMatch(/^cut.epub: .*damaged/);
    const renamed = Buffer.from(
      whole.toString("latin1").replaceAll("META-INF/container", "META-INF/kontainer"),
      "latin1",
    );
    expect(await problem(file("renamed.epub", renamed))).toMatch(/^renamed.epub: .*META-INF\/container.xml/);
  });
});

describe("standard input", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is recognized as a page, an archive or a book", async () => {
    for (const [bytes, count] of [
      [Buffer.from(article("owls")), 1],
      [Buffer.from("<html lang=en><p>Hello"), 1],
      [readFileSync(webPage("crawl.warc.gz")), 7],
      [readFileSync(webPage("book.epub")), 1],
    ] as const) {
      vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([bytes]) as typeof process.stdin);
      const documents = await read("-");
      expect(documents).toHaveLength(count);
      expect(documents[0]?.text).not.toContain("<");
    }
  });
});
