/** Constraints: automata against JavaScript's regular expressions, texts of schemas against zod, and decoding under them. */
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createBatch } from "../batching/create-batch.ts";
import { decode } from "../decode.ts";
import { createAutomaton, DEAD } from "./automaton.ts";
import { type ConstraintFactory, createConstraintFactory, type Pattern } from "./constraint.ts";
import { jsonSchema } from "./json-schema.ts";
import { jsonObject } from "./json-values.ts";
import type { Part } from "./nfa.ts";
import { regularExpression } from "./regular-expression.ts";

function accepts(part: Part, text: string): boolean {
  const automaton = createAutomaton(part);
  let state = 0;
  for (const byte of new TextEncoder().encode(text)) state = automaton.step(state, byte);
  return state !== DEAD && automaton.accepts(state);
}

const expressions = [
  ..."a|b*c (ab)+ [a-c]{2,3} a{2} a{1,} [^a-c]+ \\d+-\\w \\s?x . é|ü+ [α-ω]+ (?:x|y)?z \\u0061 \\x62 \\. [\\]-] a??b (?<n>ab)".split(
    " ",
  ),
  "^ab$",
  "^a|b$",
  "(a|)b",
  "[^]",
];

describe("regularExpression", () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 6, unit: fc.constantFrom(..."abcxyz01-é ü\nαω.]ABZ_") }),
    fc.string({ maxLength: 3, unit: "grapheme" }),
  );
  it.each(expressions)("%s matches what JavaScript matches", (source) => {
    const expected = new RegExp(`^(?:${source})$`, "u");
    const part = regularExpression(source);
    fc.assert(
      fc.property(texts, (text) => /\p{Surrogate}/u.test(text) || accepts(part, text) === expected.test(text)),
      { numRuns: 150 },
    );
    for (const text of ["a", "ab", "abab", "b", "c", "aa", "aaa", "1-x", " x", "xz", "é", "üü", ".", "]", "αβ", "z"]) {
      expect([text, accepts(part, text)]).toEqual([text, expected.test(text)]);
    }
  });

  it.each(["(a", "a)", "[a", "*a", "a{3,2}", "(?=a)", "(?<!a)b", "\\1", "\\b", "[z-a]", "\\", "a$b", "a{99999}"])(
    "refuses %s",
    (source) => {
      expect(() => regularExpression(source)).toThrow(expect.objectContaining({ name: "GenerateError" }));
    },
  );
});

describe("createAutomaton", () => {
  it("leads nowhere that no text ends, and refuses a pattern without texts", () => {
    const automaton = createAutomaton(regularExpression("a[^]?[^\\s\\S]|ab"));
    const after = automaton.step(0, 0x61);
    expect([0x61, 0x62, 0x63].map((byte) => automaton.step(after, byte) !== DEAD)).toEqual([false, true, false]);
    for (const source of ["[^\\s\\S]", "a[^\\d\\D]+"]) {
      const refused = expect.objectContaining({ name: "GenerateError" });
      expect(() => createAutomaton(regularExpression(source))).toThrow(refused);
    }
  });
});

/** Texts of a pattern: random bytes that lead on, those that end a text first once it is long. */
function textsOf(part: Part, count: number): string[] {
  const automaton = createAutomaton(part);
  let random = 7;
  const next = (below: number) => {
    random = (random * 48271) % 2147483647;
    return random % below;
  };
  const found: string[] = [];
  for (let tries = 0; found.length < count && tries < 40 * count; tries++) {
    const bytes: number[] = [];
    let state = 0;
    while (bytes.length < 400) {
      if (automaton.accepts(state) && next(3) === 0) break;
      const open = Array.from({ length: 256 }, (_, byte) => byte).filter(
        (byte) => automaton.step(state, byte) !== DEAD,
      );
      if (open.length === 0) break;
      const closing = open.filter((byte) => '"}],:'.includes(String.fromCharCode(byte)));
      const byte = closing.length > 0 && next(3) > 0 ? closing[next(closing.length)]! : open[next(open.length)]!;
      bytes.push(byte);
      state = automaton.step(state, byte);
    }
    if (automaton.accepts(state)) found.push(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes)));
  }
  return found;
}

const person = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 5 },
    age: { type: "integer", minimum: -3, maximum: 120 },
    tags: { type: "array", items: { enum: ["a", 'b"', 3, null] }, maxItems: 2 },
    at: { $ref: "#/$defs/place" },
  },
  required: ["age", "at"],
  additionalProperties: false,
  $defs: { place: { anyOf: [{ type: "string", pattern: "^[A-Z]{2}\\d?$" }, { type: "null" }] } },
};
const schemas: [string, object][] = [
  ["an object with optional members", person],
  ["numbers", { type: ["number", "boolean"] }],
  ["integers from 1", { type: "integer", exclusiveMinimum: 0 }],
  ["integers to -5", { type: "integer", maximum: -5 }],
  ["integers between", { type: "integer", minimum: 98, maximum: 1203 }],
  ["a map", { type: "object", additionalProperties: { type: "array", items: { type: "integer" }, minItems: 2 } }],
  ["a tuple", { type: "array", prefixItems: [{ type: "boolean" }, { const: 5 }], items: false, minItems: 2 }],
  [
    "alternatives",
    {
      oneOf: [
        { type: "object", properties: { k: { const: 1 } }, required: ["k"], additionalProperties: false },
        { type: "string", maxLength: 3 },
      ],
    },
  ],
];

describe("jsonSchema", () => {
  it.each(schemas)("%s: every text is JSON that the schema allows", (_, schema) => {
    const checked = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    const texts = textsOf(jsonSchema(schema), 60);
    expect(texts.length).toBe(60);
    for (const text of texts) expect([text, checked.safeParse(JSON.parse(text)).success]).toEqual([text, true]);
    expect(new Set(texts).size).toBeGreaterThan(3);
  });

  it.each([
    ['{"age":120,"at":null}', true],
    ['{"name":"\\u00e9","age":-3,"tags":[],"at":"NL4"}', true],
    ['{ "age": 0, "tags": ["a", 3], "at": "DE" }', true],
    ['{"age":121,"at":null}', false],
    ['{"at":null,"age":1}', false],
    ['{"age":1,"at":"nl"}', false],
    ['{"name":"","age":1,"at":null}', false],
    ['{"age":1,"at":null,}', false],
  ])("%s: %s", (text, expected) => expect(accepts(jsonSchema(person), text)).toBe(expected));

  it("covers integers exactly", () => {
    const all = Array.from({ length: 1500 }, (_, i) => i - 150);
    for (const [minimum, maximum] of [
      [-120, 1203],
      [0, 9],
      [7, 7],
      [-99, -10],
      [5, 1000],
      [100, 999],
    ] as const) {
      const part = jsonSchema({ type: "integer", minimum, maximum });
      const automaton = createAutomaton(part);
      const found = all.filter((value) => {
        const state = [...Buffer.from(String(value))].reduce((at, byte) => automaton.step(at, byte), 0);
        return state !== DEAD && automaton.accepts(state);
      });
      expect(found).toEqual(all.filter((value) => value >= minimum && value <= maximum));
    }
  });

  it.each([
    [{ type: "integer", minimum: 3, maximum: 2 }, "no integer"],
    [{ type: "string", minLength: 3, maxLength: 2 }, "cannot be"],
    [{ enum: [] }, "at least one"],
    [false, "allows nothing"],
    [{ enum: ["a", null, 2], type: ["boolean", "object"] }, "no boolean or object"],
    [{ const: 2.5, type: "integer" }, "no integer"],
    [{ $ref: "#" }, "contains itself"],
    [{ $ref: "#/$defs/x" }, "there is no"],
    [{ type: "object", required: ["a"] }, "required"],
    [{ type: "number", multipleOf: 2 }, "multipleOf"],
    [{ type: "text" }, "no type"],
    [{ oneOf: [{ type: "integer" }, { type: "number" }] }, "anyOf"],
    [{ type: "string", pattern: "(?=a)" }, "look-ahead"],
    ["x", "expected a schema"],
  ])("refuses %j", (schema, message) => {
    expect(() => jsonSchema(schema)).toThrow(
      expect.objectContaining({ name: "GenerateError", message: expect.stringContaining(message) }),
    );
  });

  it("takes from a list what is of the type", () => {
    const part = jsonSchema({ type: ["string", "integer"], enum: ["a", 1, 1.5, null, ["b"], { c: 1 }] });
    expect(['"a"', "1", "1.5", "null", '["b"]', '{"c":1}'].filter((text) => accepts(part, text))).toEqual(['"a"', "1"]);
  });

  it("writes any object", () => {
    for (const text of textsOf(jsonObject(), 60)) expect(typeof JSON.parse(text)).toBe("object");
    expect(accepts(jsonObject(), '{"a":[{"b":{"c":[1e5,-0.5,true]}}],"é\\n":null}')).toBe(true);
    expect(accepts(jsonObject(), "[]")).toBe(false);
  });
});

describe("constrained decoding", () => {
  let tokenizer: Tokenizer;
  let factory: ConstraintFactory;
  beforeAll(async () => {
    await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
    const texts = ['{"name": "ann", "age": 12}', "the whale and the sea, naïve 🐋"];
    tokenizer = await createTokenizer(await trainBpe(texts, { vocabularySize: 290, specialTokens: ["<end>"] }));
    factory = createConstraintFactory(tokenizer);
  });
  const createTiny = () =>
    createModel(
      {
        family: "gpt",
        numLayers: 1,
        hiddenSize: 16,
        numHeads: 2,
        maxPositions: 120,
        vocabularySize: tokenizer.vocabularySize,
        initializerRange: 0.5,
      },
      { weights: { seed: 3 } },
    );
  const end = () => tokenizer.tokenToId("<end>")!;

  it("writes texts of a schema, alone and in a batch alike, whatever the model would say", () => {
    const model = createTiny();
    const constraint = factory.create({ kind: "json-schema", schema: person });
    const options = { maxTokens: 100, stopTokens: [end()], constraint, temperature: 1.5 };
    for (let seed = 0; seed < 6; seed++) {
      const row = [...decode(model, [[5]], { ...options, seed })];
      const batch = createBatch(model);
      batch.add({ prompt: [5], ...options, seed });
      batch.add({ prompt: [7, 8], maxTokens: 30, seed });
      const tokens: number[] = [];
      while (batch.running + batch.waiting > 0) {
        for (const event of batch.step()) if (event.sequence === 1) tokens.push(event.token!);
      }
      batch.dispose();
      expect(tokens).toEqual(row.map(({ token }) => token));
      expect(row.at(-1)!.finishReason).toBe("stop");
      const text = tokenizer.decode(tokens.slice(0, -1));
      expect(
        z.fromJSONSchema(person as Parameters<typeof z.fromJSONSchema>[0]).safeParse(JSON.parse(text)).success,
      ).toBe(true);
    }
    model.dispose();
  });

  it("ends without a stop token when nothing may follow, and goes by a bias only as far as it is allowed", () => {
    const model = createTiny();
    const constraint = factory.create({ kind: "regex", source: "(yes|no)!" });
    const logitBias = new Map([[end(), 100]]);
    const row = [...decode(model, [[5]], { maxTokens: 20, constraint, temperature: 0, logitBias })];
    expect(tokenizer.decode(row.map(({ token }) => token))).toMatch(/^(yes|no)!$/);
    expect(row.at(-1)!.finishReason).toBe("stop");
    model.dispose();
  });

  it("keeps a pattern's constraint", () => {
    const pattern: Pattern = { kind: "regex", source: "a+" };
    expect(factory.create({ ...pattern })).toBe(factory.create(pattern));
  });
});
