/** Opening what prepare wrote: only as it was written, and by the names that a user knows. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { temporaryDirectory } from "./testing/directory.ts";
import { preparing } from "./testing/prepare.ts";

const path = temporaryDirectory();

function file(name: string, content: string): string {
  writeFileSync(path(name), content);
  return path(name);
}

const prepare = preparing(path("opened"));

describe("a dataset is opened", () => {
  const prefix = path("opened_text_document");
  beforeAll(async () => {
    const texts = Array.from({ length: 9 }, (_, i) => `{"text":"This is document ${i}."}`);
    await prepare({ inputs: [file("opened.jsonl", texts.join("\n"))] });
  });
  const problem = async (name: string, options?: Parameters<typeof openDataset>[1]) => {
    const error = await openDataset(path(name), options).then(
      () => "opened",
      (thrown: unknown) => thrown as Error,
    );
    if (typeof error === "string") return error;
    expect(error).toBeInstanceOf(DataError);
    return error.message.replaceAll(path("/"), "");
  };
  const changed = async (ending: string, change: (content: Buffer) => Buffer, options?: { verify: boolean }) => {
    const original = readFileSync(`${prefix}.${ending}`);
    writeFileSync(`${prefix}.${ending}`, change(Buffer.from(original)));
    const message = await problem("opened", options);
    writeFileSync(`${prefix}.${ending}`, original);
    return message;
  };
  const flip = (content: Buffer) => {
    content[content.length >> 1]! ^= 4;
    return content;
  };

  it("only as it was written", async () => {
    expect(await problem("opened")).toBe("opened");
    expect(await changed("bin", flip)).toMatch(/^opened_text_document.bin: is damaged: its SHA-256 is not the one/);
    expect(await changed("bin", flip, { verify: false })).toBe("opened");
    expect(await changed("bin", (content) => content.subarray(2))).toMatch(/^opened_text_document.bin: is truncated/);
    expect(await changed("idx", flip)).toMatch(/^opened_text_document.idx: is damaged/);
    expect(await changed("idx", (content) => content.subarray(0, 40))).toMatch(/.idx: is truncated: 40 bytes/);
    expect(await changed("json", (content) => content.subarray(1))).toMatch(/.json: damaged: malformed JSON/);
    const newer = (content: Buffer) => Buffer.from(content.toString().replace('"version": 1', '"version": 2'));
    expect(await changed("json", newer)).toMatch(/.json: is not the sidecar of a dataset \(version: /);
  });

  it("by the name that was given to prepare, if that is enough", async () => {
    expect(await problem("nothing")).toBe(
      "nothing: no dataset there: expected nothing.idx or nothing_<key>_document.idx (made by prepare)",
    );
    for (const ending of ["bin", "idx", "json"]) {
      expect(await problem(`opened_text_document.${ending}`)).toBe(
        `opened_text_document.${ending}: is one file of a dataset: name the dataset without .${ending}`,
      );
    }
    await prepare({ inputs: [file("body.jsonl", '{"body":"text"}')], jsonKey: "body" });
    expect(await problem("opened")).toBe(
      "opened: stands for several datasets, name one of them: opened_body_document, opened_text_document",
    );
    rmSync(path("opened_body_document.json"));
    const dataset = await openDataset(path("opened_body_document"));
    expect(dataset.sidecar).toBeUndefined();
    expect(() => dataset.documentsOf("train")).toThrow(
      /body_document.idx: has no .json beside it that records a split/,
    );
    expect(dataset.documentsOf("all")).toEqual({ start: 0, end: 1 });
    dataset.close();
  });
});
