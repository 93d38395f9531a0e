/** The tree of commands: `megatron <verb>`. Declares them all; what a verb needs is loaded when it runs. */
import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import type { RecipeOverride } from "./options/recipe-options.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { addDoctor } from "./verbs/doctor.ts";
import { addEvaluate } from "./verbs/evaluate.ts";
import { addExport } from "./verbs/export.ts";
import { addGenerate } from "./verbs/generate.ts";
import { addImport } from "./verbs/import.ts";
import { addInspect } from "./verbs/inspect.ts";
import { addModels } from "./verbs/models.ts";
import { addPrepare } from "./verbs/prepare.ts";
import { addPretrain } from "./verbs/pretrain.ts";
import { addTokenizerEncode } from "./verbs/tokenizer-encode.ts";
import { addTokenizerTrain } from "./verbs/tokenizer-train.ts";

/** @param overrides the recipe's fields that the command line named, for `pretrain` */
export function createProgram(terminal: Terminal, overrides: readonly RecipeOverride[]): Command {
  const program = new Command("megatron")
    .description("Train, evaluate and talk to transformer language models, from raw text on.")
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.log(text.trimEnd()),
      // A suggestion comes on a line of its own.
      outputError: (text, write) => write(text.trimEnd().replaceAll("\n", " ")),
    })
    .addHelpText("after", "\nEach command explains itself: megatron pretrain --help");

  const tokenizer = program.command("tokenizer").description("train a tokenizer, or try one");
  addTokenizerTrain(tokenizer, terminal);
  addTokenizerEncode(tokenizer, terminal);
  addPrepare(program, terminal);
  addPretrain(program, terminal, overrides);
  addEvaluate(program, terminal);
  addGenerate(program, terminal);
  addImport(program, terminal);
  addExport(program, terminal);
  addInspect(program, terminal);
  addDoctor(program, terminal);
  addModels(program, terminal);
  return program;
}
