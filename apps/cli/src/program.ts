/** Declares the command tree, `megatron <command>`. A command loads what it needs only when it runs. */
import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import type { RecipeOverride } from "./options/recipe-options.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { addAttentionShow } from "./verbs/attention-show.ts";
import { addBenchServe } from "./verbs/bench-serve.ts";
import { addChat } from "./verbs/chat.ts";
import { addCheckpointReshard } from "./verbs/checkpoint-reshard.ts";
import { addCheckpointVerify } from "./verbs/checkpoint-verify.ts";
import { addCompare } from "./verbs/compare.ts";
import { addDoctor } from "./verbs/doctor.ts";
import { addEvaluate } from "./verbs/evaluate.ts";
import { addExplain } from "./verbs/explain.ts";
import { addExport } from "./verbs/export.ts";
import { addFinetune } from "./verbs/finetune.ts";
import { addGenerate } from "./verbs/generate.ts";
import { addImport } from "./verbs/import.ts";
import { addInspect } from "./verbs/inspect.ts";
import { addModels } from "./verbs/models.ts";
import { addPlan } from "./verbs/plan.ts";
import { addPredict } from "./verbs/predict.ts";
import { addPrepare } from "./verbs/prepare.ts";
import { addPretrain } from "./verbs/pretrain.ts";
import { addRuns } from "./verbs/runs.ts";
import { addServe } from "./verbs/serve.ts";
import { addStart } from "./verbs/start.ts";
import { addTokenizerEncode } from "./verbs/tokenizer-encode.ts";
import { addTokenizerTrain } from "./verbs/tokenizer-train.ts";
import { addTune } from "./verbs/tune.ts";

/** @param overrides recipe fields set on the command line, for `plan`, `pretrain`, `finetune`, `tune` and `compare` */
export function createProgram(terminal: Terminal, overrides: readonly RecipeOverride[]): Command {
  const program = new Command("megatron")
    .description("Train, evaluate and run transformer language models, starting from raw text.")
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.log(text.trimEnd()),
      // Commander puts suggestions on a line of their own.
      outputError: (text, write) => write(text.trimEnd().replaceAll("\n", " ")),
    })
    .addHelpText("after", "\nRun `megatron <command> --help` for details.");

  addStart(program, terminal);
  const tokenizer = program.command("tokenizer").description("train and try tokenizers");
  addTokenizerTrain(tokenizer, terminal);
  addTokenizerEncode(tokenizer, terminal);
  addPrepare(program, terminal);
  addPlan(program, terminal, overrides);
  addPretrain(program, terminal, overrides);
  addFinetune(program, terminal, overrides);
  addTune(program, terminal, overrides);
  addCompare(program, terminal, overrides);
  addEvaluate(program, terminal);
  addPredict(program, terminal);
  addGenerate(program, terminal);
  addChat(program, terminal);
  addExplain(program, terminal);
  addServe(program, terminal);
  addRuns(program, terminal);
  const bench = program.command("bench").description("measure what is running");
  addBenchServe(bench, terminal);
  addImport(program, terminal);
  addExport(program, terminal);
  const checkpoint = program.command("checkpoint").description("look at checkpoints");
  addCheckpointVerify(checkpoint, terminal);
  addCheckpointReshard(checkpoint, terminal);
  const attention = program.command("attention").description("look at layouts of sparse attention");
  addAttentionShow(attention, terminal);
  addInspect(program, terminal);
  addDoctor(program, terminal);
  addModels(program, terminal);
  return program;
}
