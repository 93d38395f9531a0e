import { hashKey, uniforms } from "@megatron-ts/random";
import { describe, expect, it } from "vitest";
import { LogitsError } from "../errors.ts";
import type { SamplingOptions } from "./options.ts";
import { sample } from "./sample.ts";

const logits = Float32Array.from([0.1, 2, -1, 1, 0.5], (p) => p);

/** Relative frequency of each id over many draws. */
function frequencies(options: SamplingOptions, draws = 20_000): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (const uniform of uniforms(hashKey(5), draws)) counts[sample(logits, { ...options, seen: [], uniform })]!++;
  return counts.map((count) => count / draws);
}

const softmax = (values: number[]) => {
  const exponentials = values.map(Math.exp);
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
};

function expectClose(actual: number[], expected: number[]) {
  actual.forEach((frequency, id) => {
    expect(Math.abs(frequency - expected[id]!), `frequency of ${id}`).toBeLessThan(0.015);
  });
}

describe("sample", () => {
  it("is greedy at temperature 0", () => {
    expect(frequencies({ temperature: 0 }, 10)).toEqual([0, 1, 0, 0, 0]);
  });

  it.each([0.5, 1, 2])("draws from the softmax at temperature %d", (temperature) => {
    expectClose(frequencies({ temperature }), softmax([...logits].map((logit) => logit / temperature)));
  });

  it("keeps the k most likely tokens", () => {
    const [three, one] = softmax([2, 1]);
    expectClose(frequencies({ topK: 2 }), [0, three!, 0, one!, 0]);
  });

  it("keeps all tokens with top-k 0 and top-p 1", () => {
    for (const uniform of uniforms(hashKey(6), 200)) {
      const draw = (options: SamplingOptions) => sample(logits, { ...options, seen: [], uniform });
      expect(draw({ topK: 0, topP: 1, repetitionPenalty: 1 })).toBe(draw({}));
      expect(draw({ topK: 0, topP: 0.7 })).toBe(draw({ topP: 0.7 }));
    }
  });

  it("keeps the smallest set that reaches p, at least one token", () => {
    // Probabilities in order: 0.560, 0.206, 0.125, 0.084, 0.028.
    const expected = softmax([2, 1]);
    expectClose(frequencies({ topP: 0.7 }), [0, expected[0]!, 0, expected[1]!, 0]);
    expect(frequencies({ topP: 0.01 }, 50)).toEqual([0, 1, 0, 0, 0]);
  });

  it.each([
    [[1, Number.NaN, 2], /NaN.*token 1/],
    [[1, 2, Number.POSITIVE_INFINITY], /Infinity.*token 2/],
    [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], /-Infinity/],
  ])("throws a LogitsError for %j", (values, message) => {
    for (const temperature of [0, 1]) {
      const options = { seen: [], uniform: 0.5, temperature };
      expect(() => sample(Float32Array.from(values), options)).toThrow(LogitsError);
      expect(() => sample(Float32Array.from(values), options)).toThrow(message);
    }
  });

  it("never samples a token with a logit of -Infinity", () => {
    const masked = Float32Array.from([Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY]);
    for (const uniform of [0, 0.999]) expect(sample(masked, { seen: [], uniform })).toBe(1);
  });

  it("penalizes seen tokens: positive logits divided, negative ones multiplied", () => {
    const at = (seen: number[]) => sample(logits, { seen, uniform: 0, temperature: 0, repetitionPenalty: 4 });
    expect(at([])).toBe(1);
    expect(at([1])).toBe(3);
    expect(at([1, 3])).toBe(1);
    const negative = Float32Array.from([-1, -2]);
    expect(sample(negative, { seen: [0], uniform: 0, temperature: 0, repetitionPenalty: 3 })).toBe(1);
  });

  it("keeps tokens at least min-p as likely as the most likely one", () => {
    // Relative to the first: 1, 0.368, 0.223, 0.150, 0.050.
    expectClose(frequencies({ minP: 0.3 }), [0, softmax([2, 1])[0]!, 0, softmax([2, 1])[1]!, 0]);
    expect(frequencies({ minP: 1 }, 50)).toEqual([0, 1, 0, 0, 0]);
  });

  it("keeps the tokens whose information is closest to the entropy", () => {
    // Entropy 1.177; distances of ids 0 to 4: 1.306, 0.594, 2.406, 0.406, 0.906. By typical-p 0.5, ids 3 and 1.
    const [three, one] = softmax([2, 1]);
    expectClose(frequencies({ typicalP: 0.5 }), [0, three!, 0, one!, 0]);
    expect(frequencies({ typicalP: 0.1 }, 50)).toEqual([0, 0, 0, 1, 0]);
    expect(frequencies({ typicalP: 0.1, topK: 1 }, 50)).toEqual([0, 1, 0, 0, 0]);
  });

  it("subtracts penalties of generated tokens, once for presence and each time for frequency, and adds biases", () => {
    const at = (options: SamplingOptions, generated: number[]) =>
      sample(logits, { seen: [1, 1, 1, ...generated], generated, uniform: 0, temperature: 0, ...options });
    expect(at({ presencePenalty: 1.5 }, [])).toBe(1);
    expect(at({ presencePenalty: 1.5 }, [1])).toBe(3);
    expect(at({ presencePenalty: 0.9 }, [1, 1])).toBe(1);
    expect(at({ frequencyPenalty: 0.9 }, [1])).toBe(1);
    expect(at({ frequencyPenalty: 0.9 }, [1, 1])).toBe(3);
    expect(at({ logitBias: new Map([[2, 4]]) }, [])).toBe(2);
    expect(at({ logitBias: new Map([[2, 4]]), repetitionPenalty: 2 }, [2])).toBe(2);
    expect(() => at({ logitBias: new Map([[5, 4]]) }, [])).toThrow(/no token 5/);
  });
});
