/** Type tests of configurations by family and of the models that they create. */
import { describe, expectTypeOf, it } from "vitest";
import type { ModelConfig, ModelConfigInput } from "./configuration.ts";
import { createModel, type ModelOf } from "./create-model.ts";
import type { BertModel } from "./families/bert/model.ts";
import type { T5Model } from "./families/t5/model.ts";

const size = { numLayers: 2, hiddenSize: 64, numHeads: 4, vocabularySize: 256 };

describe("ModelConfigInput", () => {
  it("is discriminated by its family", () => {
    expectTypeOf<ModelConfigInput["family"]>().toEqualTypeOf<ModelConfig["family"]>();
    expectTypeOf<{ family: "gpt"; maxPositions: number } & typeof size>().toExtend<ModelConfigInput>();
    expectTypeOf<{ family: "t5" } & typeof size>().toExtend<ModelConfigInput>();
    expectTypeOf<{ family: "gpt4" } & typeof size>().not.toExtend<ModelConfigInput>();
  });

  it("gives each family its own fields", () => {
    expectTypeOf<Extract<ModelConfig, { family: "bert" }>>().toHaveProperty("numTokenTypes");
    expectTypeOf<Extract<ModelConfig, { family: "gpt" }>>().not.toHaveProperty("numTokenTypes");
  });
});

describe("createModel", () => {
  it("returns the model of the family", () => {
    const create = () => createModel({ family: "t5", ...size }, { weights: { seed: 1 } });
    expectTypeOf<ReturnType<typeof create>>().toEqualTypeOf<T5Model>();
    expectTypeOf<ModelOf<"bert">>().toEqualTypeOf<BertModel>();
  });

  it("refuses an unknown field or family", () => {
    // @ts-expect-error a family that does not exist
    () => createModel({ family: "gpt4", ...size }, { weights: { seed: 1 } });
    // @ts-expect-error weights come from a seed or from a source
    () => createModel({ family: "t5", ...size }, { weights: {} });
  });
});
