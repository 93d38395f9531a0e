import { start } from "@megatron-ts/engine";
import { beforeAll, describe, it } from "vitest";
import { checkForward, checkGradients, checkTraining, loadGolden } from "../testing/gpt2-golden.ts";

describe("GPT-2 against PyTorch", () => {
  beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

  it("has the same logits and hidden states", () => checkForward(loadGolden()));
  it("has the same gradient of every weight", () => checkGradients(loadGolden()));
  it("has the same losses, norms and weights over a hundred AdamW steps", () => checkTraining(loadGolden()));
});
