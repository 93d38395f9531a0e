import { describe, expect, it } from "vitest";
import { formatConfig } from "./format-config.ts";

describe("formatConfig", () => {
  it("writes floats as floats, and sizes and other values unchanged", () => {
    const config = { d_ff: 4, initializer_factor: 1, dropout_rate: 0, rope_theta: 10000, layer_norm_epsilon: 1e-6 };
    const text = formatConfig({ ...config, resid_pdrop: 0, classifier_dropout: null, n_head: 2 });
    expect(text).toMatch(/"initializer_factor": 1\.0,\n/);
    expect(text).toMatch(/"dropout_rate": 0\.0,\n/);
    expect(text).toMatch(/"rope_theta": 10000\.0,\n/);
    expect(text).toMatch(/"layer_norm_epsilon": 0?\.?[\d.e-]+,\n/);
    expect(text).toMatch(/"d_ff": 4,\n/);
    expect(text).toMatch(/"classifier_dropout": null,\n/);
    expect(text).toMatch(/"n_head": 2\n/);
    expect(JSON.parse(text)).toEqual({ ...config, resid_pdrop: 0, classifier_dropout: null, n_head: 2 });
  });
});
