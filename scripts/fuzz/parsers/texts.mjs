/** Readers of text: files of every format that `prepare` takes. */

import { gzipSync } from "node:zlib";
import { decompressed } from "../../../packages/data/src/text/bytes.ts";
import { readCsv } from "../../../packages/data/src/text/csv.ts";
import { readDocuments } from "../../../packages/data/src/text/documents.ts";
import { readHtml } from "../../../packages/data/src/text/html.ts";
import { readJsonLines } from "../../../packages/data/src/text/json-lines.ts";
import { readPlainText } from "../../../packages/data/src/text/plain-text.ts";
import { readWarc } from "../../../packages/data/src/text/warc.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";
import { fixture, fixtures, throughFile } from "../samples.mjs";
import { zip } from "../zip.mjs";

const reading = (name) =>
  throughFile(name, async (path) => {
    for await (const _ of readDocuments([path]));
  });

/** A reader that streams, without a file, of two chunks. */
const streaming =
  (read, compression = "none") =>
  async (bytes) => {
    const half = bytes.length >> 1;
    const raw = twoChunks([bytes.subarray(0, half), bytes.subarray(half)]);
    const chunks = decompressed(raw, { compression, path: "a", input: () => bytes.length });
    const onBadLine = (problem) => {
      throw problem;
    };
    for await (const _ of read(chunks, { source: "a", textKey: "text", onBadLine, textDocument: "paragraph" }));
  };

async function* twoChunks(chunks) {
  yield* chunks;
}

const lines = (values) => Buffer.from(values.map((value) => JSON.stringify(value)).join("\n"));
const jsonl = [
  lines([{ text: "one" }, { text: "é\n\u0000", meta: { x: [1, 2.5e3, null, true] } }, { text: "" }]),
  lines([{ text: "two", NaN: 1 }, ["no"], "x"]),
  Buffer.from('{"text":"a","b":NaN}\r\n\r\n{"text":"c","d":-Infinity}\n'),
];
const csv = ['text,id\n"a ""quoted"" one\nof two lines",1\nb,2\n', "id,text\r\n1,x\r\n2,\r\n"].map((text) =>
  Buffer.from(text),
);
const pages = [
  "<!doctype html><html><head><meta charset=utf-8><title>T</title><style>p{}</style></head><body><h1>T</h1><nav><a href=/>x</a></nav>" +
    `<article>${"<p>A paragraph, with some &amp; words that are <b>bold</b>, and commas, of a length.</p>".repeat(8)}</article>` +
    "<table><tr><td>1<td>2</table><script>var x = '<p>'</script><!-- c --></body></html>",
  '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><a id="x"/><p>One<br/>two</p><pre> a\n b</pre></body></html>',
  "<ul><li>a<li>b</ul><p>c",
  '<meta http-equiv=content-type content="text/html; charset=iso-8859-1"><h2>a</h2><h1 hidden>b</h1><blockquote>c<hr>d</blockquote>',
  "<body><!-- c --><table><caption>a<tr><th>b<td>c &#x1f680; &eacute; &amp &notit; &#0;</table><pre>\n x\n</pre>",
  "<div><div><div><p>a<b>b<i>c</b>d</i></div><br><img alt=e src=x><a href=y>f</a></div><script><p></script><style>q",
  "<select><option>a<option>b</select><textarea><p></textarea><svg><title>c</title></svg><template><p>d</template>e",
].map((text) => Buffer.from(text));
const record = (headers, body) => `WARC/1.1\r\n${headers}\r\nContent-Length: ${body.length}\r\n\r\n${body}\r\n\r\n`;
const warc = Buffer.from(
  record("WARC-Type: warcinfo\r\nContent-Type: application/warc-fields", "software: x\r\n") +
    record(
      "WARC-Type: response\r\nWARC-Target-URI: http://a.b/\r\nContent-Type: application/http; msgtype=response",
      `HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${pages[2]}`,
    ) +
    record("WARC-Type: request\r\nContent-Type: application/http; msgtype=request", "GET / HTTP/1.1\r\n\r\n"),
);
const wet = Buffer.from(
  "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n".repeat(2),
);

const container = '<container><rootfiles><rootfile full-path="O/b.opf"/></rootfiles></container>';
const book =
  '<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/><item id="n" href="n.xhtml" ' +
  'properties="nav" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="n"/><itemref idref="a"/></spine></package>';
const page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>T</h1><p>Text &amp; more.</p></body></html>';
const bookWith = (name, bytes) =>
  zip({
    mimetype: Buffer.from("application/epub+zip"),
    "META-INF/container.xml": Buffer.from(container),
    "O/b.opf": Buffer.from(book),
    "O/a.xhtml": Buffer.from(page),
    [name]: bytes,
  });
const entry = (name, text) => ({
  name: `epub-${name.split("/").at(-1).split(".")[0]}`,
  inputs: damagedBytes([Buffer.from(text)]).map((bytes) => bookWith(name, bytes)),
  read: reading("book.epub"),
});

export const textParsers = [
  {
    name: "txt",
    inputs: damagedBytes([Buffer.from("one\n\ntwo é 🚀\r\n"), Buffer.from("\ufeffx")]),
    read: streaming(readPlainText),
  },
  { name: "jsonl", inputs: damagedBytes(jsonl), read: streaming(readJsonLines) },
  {
    name: "json-line",
    inputs: damagedJson(jsonl.slice(0, 1).map((bytes) => bytes.toString().split("\n")[1])),
    read: streaming(readJsonLines),
  },
  { name: "csv", inputs: damagedBytes(csv), read: streaming(readCsv) },
  { name: "html", inputs: damagedBytes(pages), read: streaming(readHtml) },
  { name: "warc", inputs: damagedBytes([warc, wet]), read: streaming(readWarc) },
  { name: "wet", inputs: damagedBytes([wet]), read: streaming(readWarc) },
  { name: "gzip", inputs: damagedBytes(jsonl.map((bytes) => gzipSync(bytes))), read: streaming(readJsonLines, "gzip") },
  { name: "gzip-html", inputs: damagedBytes(pages).map((bytes) => gzipSync(bytes)), read: streaming(readHtml, "gzip") },
  {
    name: "zstd",
    inputs: damagedBytes(fixtures("text-files", /\.zst$/, { largest: 5000 })),
    read: streaming(readPlainText, "zstd"),
  },
  { name: "parquet", inputs: damagedBytes(fixtures("text-files", /\.parquet$/)), read: reading("a.parquet") },
  {
    name: "epub",
    inputs: damagedBytes([bookWith("x", Buffer.from("")), fixture("web-pages/book.epub")]),
    read: reading("a.epub"),
  },
  entry("META-INF/container.xml", container),
  entry("O/b.opf", book),
  entry("O/a.xhtml", page),
];
