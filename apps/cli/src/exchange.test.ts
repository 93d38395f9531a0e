/** Models imported from, exported to and inspected in other formats. */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox } from "./testing/sandbox.ts";

const { path, remove } = createSandbox();
afterAll(remove);
const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));

describe("import, inspect and export", () => {
  it("round-trip a GPT-2", async () => {
    expect(await megatronJson("import", fixture("gpt2"), path("gpt2"))).toMatchObject({ parameters: 29_472 });
    const inspected = await megatronJson<{ tensors: { name: string }[] }>("inspect", path("gpt2"));
    const sizes = { numLayers: 2, hiddenSize: 32, numHeads: 4, vocabularySize: 101 };
    expect(inspected).toMatchObject({ kind: "checkpoint", family: "gpt", parameters: 29_472, sizes });
    expect(inspected.tensors.map(({ name }) => name)).toContain("layers.1.attention.query.weight");
    expect(await megatronJson("export", path("gpt2"), path("back"))).toMatchObject({ modelType: "gpt2" });
    expect(await megatronJson("inspect", path("back"))).toMatchObject({ kind: "hugging-face", family: "gpt2", sizes });
    const t5 = await megatron("inspect", fixture("t5"));
    expect(t5.stdout).toContain("\n2+2 layers, hidden size");
    const { stdout } = await megatron("inspect", `${path("back")}/model.safetensors`);
    expect(stdout).toContain("transformer.h.0.attn.c_attn.weight");
  });

  it("keep all tokenizer files, and read a SentencePiece model if it is the only one", async () => {
    const model = path("with-tokenizer");
    cpSync(fixture("gpt2"), model, { recursive: true });
    copyFileSync(fixture("tokenizer/small.json"), join(model, "tokenizer.json"));
    const fewer = JSON.parse(readFileSync(join(model, "tokenizer.json"), "utf8"));
    // The fixture's model has 101 tokens.
    fewer.model = { ...fewer.model, vocab: { "<|endoftext|>": 0, a: 1, b: 2 }, merges: [] };
    writeFileSync(join(model, "tokenizer.json"), JSON.stringify(fewer));
    writeFileSync(join(model, "tokenizer_config.json"), '{"eos_token": "<|endoftext|>", "model_max_length": 24}');
    writeFileSync(join(model, "merges.txt"), "#version: 0.2\n");
    const others = [
      "chat_template.jinja",
      "additional_chat_templates/tools.jinja",
      "modules.json",
      "1_Pooling/config.json",
      "sentence_xlm-roberta_config.json",
    ];
    mkdirSync(join(model, "additional_chat_templates"));
    mkdirSync(join(model, "1_Pooling"));
    for (const file of others) writeFileSync(join(model, file), file === "modules.json" ? "[]" : "{}");
    await megatronJson("import", model, path("with-tokenizer-ours"));
    await megatronJson("export", path("with-tokenizer-ours"), path("with-tokenizer-back"));
    for (const file of ["tokenizer.json", "tokenizer_config.json", "merges.txt", "model.safetensors", ...others]) {
      expect(readFileSync(join(path("with-tokenizer-back"), file))).toEqual(readFileSync(join(model, file)));
    }
    // A tokenizer's directory comes with its templates too.
    await megatronJson("import", fixture("gpt2"), path("templates-ours"), "--tokenizer", model);
    await megatronJson("export", path("templates-ours"), path("templates-back"));
    expect(readFileSync(join(path("templates-back"), "chat_template.jinja"), "utf8")).toBe("{}");
    expect(existsSync(join(path("templates-back"), "modules.json"))).toBe(false);
    writeFileSync(join(model, "modules.json"), '[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]');
    expect(await megatron("import", model, path("dense"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/modules\.json: .*Dense/),
    });
    writeFileSync(join(model, "modules.json"), '[{"type": "sentence_transformers.models.Pooling", "path": "pooling"}]');
    expect(await megatron("import", model, path("odd-folder"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/modules\.json: .*Pooling.*"pooling"/),
    });
    rmSync(join(model, "modules.json"));
    rmSync(join(model, "tokenizer.json"));
    copyFileSync(fixture("tokenizer/unigram.model"), join(model, "spiece.model"));
    const { code, stderr } = await megatron("import", model, path("too-many"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/tokenizer has [\d,]+ tokens.* 101/);
  });

  it("keep the tokens that end generated text, from generation_config.json or config.json", async () => {
    const model = path("several-ends");
    cpSync(fixture("gpt2"), model, { recursive: true });
    const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
    const configure = (file: string, fields: object) =>
      writeFileSync(join(model, file), JSON.stringify({ ...(file === "config.json" && config), ...fields }));
    const vocab = Object.fromEntries(["<|endoftext|>", "a", "b", "c"].map((token, id) => [token, id]));
    const tokenizer = JSON.parse(readFileSync(fixture("tokenizer/small.json"), "utf8"));
    tokenizer.model = { ...tokenizer.model, vocab, merges: [] };
    writeFileSync(join(model, "tokenizer.json"), JSON.stringify(tokenizer));
    const run = async (name: string) => {
      await megatronJson("import", model, path(name));
      const prompt = ["--prompt", "ab", "--temperature", "0", "--max-tokens", "6"];
      return megatronJson<{ generatedTokens: number; finishReason: string }>("generate", path(name), ...prompt);
    };
    configure("config.json", { eos_token_id: null });
    expect(await run("no-end")).toMatchObject({ generatedTokens: 6, finishReason: "length" });
    configure("config.json", { eos_token_id: null, no_repeat_ngram_size: 3 });
    await megatronJson("import", model, path("other-generation"));
    const other = await megatron("generate", path("other-generation"), "--prompt", "a", "--max-tokens", "2");
    expect(other).toMatchObject({ code: 0, stderr: expect.stringMatching(/note: .*no_repeat_ngram_size 3\n/) });
    const all = Array.from({ length: 101 }, (_, id) => id);
    configure("config.json", { eos_token_id: all });
    expect(await run("config-ends")).toMatchObject({ generatedTokens: 1, finishReason: "stop" });
    configure("generation_config.json", { eos_token_id: [0, 100] });
    await run("generation-config-ends");
    await megatronJson("export", path("generation-config-ends"), path("several-ends-back"));
    const back = readFileSync(join(path("several-ends-back"), "generation_config.json"), "utf8");
    expect(JSON.parse(back)).toEqual({ eos_token_id: [0, 100] });
    const tokenizerConfig = readFileSync(join(path("several-ends-back"), "tokenizer_config.json"), "utf8");
    expect(JSON.parse(tokenizerConfig)).toMatchObject({ tokenizer_class: "PreTrainedTokenizerFast" });
    for (const wrong of ['{"eos_token_id": [1, -2]}', '{"bos_token_id": 1.5}', '{"eos_token_id": "x"}', "[", "3"]) {
      writeFileSync(join(model, "generation_config.json"), wrong);
      const { code, stderr } = await megatron("import", model, path("wrong-ends"));
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: .*generation_config\.json: .*\n$/)]);
    }
  });

  it("read Megatron-LM checkpoints", async () => {
    const imported = await megatronJson("import", fixture("megatron-lm/tensor-2-pipeline-2"), path("megatron"));
    expect(imported).toMatchObject({ config: { family: "gpt", vocabularySize: 102 } });
    const split = fixture("megatron-lm/tensor-2-pipeline-2");
    for (const path of [split, join(split, "iter_0000100")]) {
      const inspected = await megatronJson<{ parameters: number; tensors: object[] }>("inspect", path);
      expect(inspected).toMatchObject({
        kind: "megatron-lm",
        family: "gpt",
        step: 100,
        split: { tensor: 2, pipeline: 2 },
        sizes: { numLayers: 2, hiddenSize: 32, numHeads: 4, vocabularySize: 102 },
        parameters: (imported as { parameters: number }).parameters,
      });
    }
    const { stdout } = await megatron("inspect", split);
    expect(stdout).toMatch(/megatron-lm \(gpt, step 100, .*\)\n2 layers, hidden/);
    expect(stdout).toMatch(/layers\.1\.self_attention\.query_key_value\.weight +F32 +\[96, 32\]/);
  });

  it.each([
    [["import", "nowhere", "new"], /nowhere/],
    [["import", fixture("megatron-lm/hostile"), "new"], /posix\.system/],
    [["inspect", fixture("megatron-lm/hostile")], /posix\.system/],
    [["inspect", "nowhere"], /nowhere: /],
    [["export", "nowhere", "new"], /nowhere/],
  ])("%j is a user mistake", async (command, message) => {
    const [verb, ...paths] = command as string[];
    const { code, stderr } = await megatron(verb!, ...paths.map((name) => (name === "new" ? path("new") : name)));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("    at ");
    expect(existsSync(path("new"))).toBe(false);
  });
});
