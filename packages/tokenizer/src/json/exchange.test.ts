/**
 * Compares with Hugging Face's tokenizers over 500 odd strings and hundreds of configurations, by the hashes that
 * fixtures/tokenizer/exchange.py wrote. compare.mjs beside it shows what differs.
 */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { readFixture } from "../testing/texts.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import type { TokenizerJson, TokenizerPart } from "./tokenizer-json.ts";

interface ExchangeCase {
  name: string;
  parts: Omit<TokenizerJson, "model">;
  model: number;
  /** For every 100 strings: a hash of ids, of ids with other options, and of decoded ids. */
  hashes: string[];
}

const { texts, models, cases } = JSON.parse(readFixture("exchange.json")) as {
  texts: string[];
  models: TokenizerPart[];
  cases: ExchangeCase[];
};
const GROUP = 100;

/** The result, or null where the text cannot be encoded. */
function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof TokenizerError) return null;
    throw error;
  }
}

function hashOf(tokenizer: Tokenizer, group: readonly string[]): string {
  const ids = group.map((text) => attempt(() => [...tokenizer.encode(text)]));
  const found = [
    ids,
    group.map((text) => attempt(() => [...tokenizer.encode(text, { addSpecialTokens: false })])),
    group.map((text) =>
      attempt(() => [...tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true })]),
    ),
    ids.map((own) => own && tokenizer.decode(own)),
    ids.map((own) => own && tokenizer.decode(own, { skipSpecialTokens: true })),
  ];
  return createHash("sha256").update(JSON.stringify(found)).digest("hex").slice(0, 8);
}

const jsonOf = ({ parts, model }: ExchangeCase): TokenizerJson => ({ ...parts, model: models[model]! });
const isRefused = ({ name }: ExchangeCase): boolean => name.includes("refused");

describe("500 odd strings", () => {
  it.each(cases.filter((each) => !isRefused(each)))("are encoded and decoded alike: $name", async (exchange) => {
    const tokenizer = await createTokenizer(jsonOf(exchange));
    // Each configuration gets a part of the strings; all of them get all.
    const number = cases.indexOf(exchange) % exchange.hashes.length;
    const group = texts.slice(number * GROUP, (number + 1) * GROUP);
    expect(hashOf(tokenizer, group)).toBe(exchange.hashes[number]);
  });

  it.each(cases.filter(isRefused))("are not encoded: $name", async (exchange) => {
    await expect(createTokenizer(jsonOf(exchange))).rejects.toBeInstanceOf(TokenizerError);
  });
});
