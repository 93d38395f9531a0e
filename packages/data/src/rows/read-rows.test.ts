import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { readRows } from "./read-rows.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-rows-"));
afterAll(() => rmSync(directory, { recursive: true }));

function rowsOf(name: string, content: string | Uint8Array) {
  const path = join(directory, name);
  writeFileSync(path, content);
  return readRows(path).map(({ values, line }) => ({ line, ...values }));
}

describe("rows of labelled data", () => {
  it("come from CSV, TSV and JSONL, with the line that each starts in", () => {
    expect(rowsOf("a.csv", 'text,label\n"two\nlines, ""quoted""",yes\n\nplain,no\n')).toEqual([
      { line: 2, text: 'two\nlines, "quoted"', label: "yes" },
      { line: 5, text: "plain", label: "no" },
    ]);
    expect(rowsOf("a.tsv", '\ufeffsentence\tlabel\r\nan "open quote\t1\r\n')).toEqual([
      { line: 2, sentence: 'an "open quote', label: "1" },
    ]);
    expect(rowsOf("a.jsonl", '{"text":"a","label":1}\n\n{"text":"b","label":true}')).toEqual([
      { line: 1, text: "a", label: 1 },
      { line: 3, text: "b", label: true },
    ]);
    expect(rowsOf("a.jsonl.gz", gzipSync('{"text":"a"}'))).toEqual([{ line: 1, text: "a" }]);
  });

  it("are refused with the place of the mistake", () => {
    const cases: [string, string | Uint8Array, RegExp][] = [
      ["b.csv", "text,label\na,b\nc\n", /b\.csv:3: malformed row/],
      ["b.jsonl", '{"a":1}\n[2]\n', /b\.jsonl:2: expected a JSON object/],
      ["c.jsonl", '{"a":1}\n{"a":\n', /c\.jsonl:2: malformed JSON/],
      ["c.csv", "text,label\n", /no rows/],
      ["d.csv", Buffer.from([0x61, 0xff, 0x0a]), /not UTF-8/],
      ["e.csv.gz", "text\na\n", /gzip/],
      ["f.xlsx", "", /expected \.jsonl, \.csv or \.tsv/],
    ];
    for (const [name, content, message] of cases) {
      expect(() => rowsOf(name, content), name).toThrow(DataError);
      expect(() => rowsOf(name, content), name).toThrow(message);
    }
    expect(() => readRows(join(directory, "missing.csv"))).toThrow(DataError);
    mkdirSync(join(directory, "directory.csv"));
    expect(() => readRows(join(directory, "directory.csv"))).toThrow(/is a directory/);
    const zeros = gzipSync(Buffer.alloc(2 ** 20));
    const bomb = Buffer.concat(Array.from({ length: 1025 }, () => zeros));
    expect(() => rowsOf("bomb.jsonl.gz", bomb)).toThrow(/more than 1 GB/);
  });
});

describe("questions in SQuAD's JSON", () => {
  const file = (qas: object[], context = "😀 Ada wrote it in 1843.") =>
    JSON.stringify({ data: [{ title: "T", paragraphs: [{ context, qas }] }] });

  it("are rows, whose answers start where JavaScript counts", () => {
    const qas = [
      { id: "a", question: "Who?", answers: [{ text: "Ada", answer_start: 2 }] },
      { id: "b", question: "Why?", answers: [{ text: "it", answer_start: 12 }], is_impossible: true },
    ];
    expect(rowsOf("squad.json", file(qas))).toMatchObject([
      { line: 1, id: "a", title: "T", question: "Who?", answers: [{ text: "Ada", start: 3 }] },
      { line: 2, id: "b", answers: [] },
    ]);
  });

  it("are refused in another form, with the place", () => {
    expect(() => rowsOf("g.json", "[1]")).toThrow(/g\.json: expected SQuAD's format/);
    expect(() => rowsOf("h.json", "{")).toThrow(/h\.json: is not JSON/);
    expect(() => rowsOf("i.json", file([{ question: 1 }]))).toThrow(/data\.0\.paragraphs\.0\.qas\.0\.question/);
    expect(() => rowsOf("j.json", JSON.stringify({ data: [] }))).toThrow(/no rows/);
  });
});
