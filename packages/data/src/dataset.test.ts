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

describe("openDataset", () => {
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

  it("refuses files that are damaged", async () => {
    expect(await problem("opened")).toBe("opened");
    expect(await changed("bin", flip)).toMatch(/^opened_text_document.bin: .*SHA-256/);
    expect(await changed("bin", flip, { verify: false })).toBe("opened");
    expect(await changed("bin", (content) => content.subarray(2))).toMatch(/^opened_text_document.bin: .*truncated/);
    expect(await changed("idx", flip)).toMatch(/^opened_text_document.idx: .*damaged/);
    expect(await changed("idx", (content) => content.subarray(0, 40))).toMatch(/.idx: .*40 bytes/);
    expect(await changed("json", (content) => content.subarray(1))).toMatch(/.json: .*malformed JSON/);
    const newer = (content: Buffer) => Buffer.from(content.toString().replace('"version": 2', '"version": 3'));
    expect(await changed("json", newer)).toMatch(/.json: .*version: /);
  });

  it("finds a dataset by the output of prepareDataset, if that is unambiguous", async () => {
    expect(await problem("nothing")).toMatch(/^nothing: no such dataset: .*nothing.idx/);
    for (const ending of ["bin", "idx", "json"]) {
      expect(await problem(`opened_text_document.${ending}`)).toMatch(
        new RegExp(`^opened_text_document.${ending}: .* leave out .${ending}`),
      );
    }
    await prepare({ inputs: [file("body.jsonl", '{"body":"text"}')], jsonKey: "body" });
    expect(await problem("opened")).toMatch(/^opened: .*opened_body_document, opened_text_document/);
    rmSync(path("opened_body_document.json"));
    const dataset = await openDataset(path("opened_body_document"));
    expect(dataset.sidecar).toBeUndefined();
    expect(() => dataset.documentsOf("train")).toThrow(/body_document.idx: .*\.json/);
    expect(dataset.documentsOf("all")).toEqual({ start: 0, end: 1 });
    dataset.close();
  });
});
