/**
 * Builds TensorFlow.js's Node binding against the library inside a Python TensorFlow wheel, for when the library that
 * tfjs-node downloads is not available or its CUDA is too old.
 *
 *   node build-tensorflow.mjs [directory] [--wheel tensorflow-cpu==2.21.0 | --tensorflow site-packages/tensorflow]
 *
 * Needs Linux, g++, and a python3 (or PYTHON) with pip. Afterwards MEGATRON_TENSORFLOW=<directory> and
 * `--backend tensorflow` use it. `--tensorflow` links to an installed package, for instance one with CUDA.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const TFJS_NODE = "4.22.0";
const NODE_API_HEADERS = "1.9.0";
const NODE_API = 8;
/** Runtime dependencies of tfjs-node; the others are only for its download. */
const RUNTIME_DEPENDENCIES = ["@mapbox/node-pre-gyp", "google-protobuf", "progress"];
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
const HEADERS = ["tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/"];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    wheel: { type: "string", default: "tensorflow-cpu==2.21.0" },
    tensorflow: { type: "string" },
  },
});
const directory = resolve(positionals[0] ?? join(".cache", "tensorflow"));
const python = process.env.PYTHON ?? "python3";

/** Runs npm through its own script, which works on every platform and under any package manager. */
function npm(args, { cwd }) {
  const script = process.env.npm_execpath?.endsWith("npm-cli.js")
    ? process.env.npm_execpath
    : join(dirname(realpathSync(process.execPath)), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");
  const [command, ...prefix] = existsSync(script) ? [process.execPath, script] : ["npm"];
  return execFileSync(command, [...prefix, ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Downloads the wheel and unpacks its libraries and C headers. */
function unpackWheel(target) {
  const downloads = mkdtempSync(join(tmpdir(), "tensorflow-wheel-"));
  try {
    console.log(`downloading ${options.wheel}`);
    const pip = [
      "-m",
      "pip",
      "download",
      options.wheel,
      "--no-deps",
      "--only-binary=:all:",
      "--python-version",
      "3.12",
    ];
    execFileSync(python, [...pip, "--quiet", "--dest", downloads], { stdio: "inherit" });
    const unpack = `
import glob, json, sys, zipfile
downloads, target, libraries, headers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
with zipfile.ZipFile(glob.glob(downloads + "/*.whl")[0]) as wheel:
    for name in wheel.namelist():
        inner = name.removeprefix("tensorflow/")
        header = inner.removeprefix("include/")
        if inner in libraries or (name.endswith(".h") and header.startswith(tuple(headers))):
            wheel.extract(name, target)
`;
    execFileSync(python, ["-c", unpack, downloads, target, JSON.stringify(LIBRARIES), JSON.stringify(HEADERS)]);
  } finally {
    rmSync(downloads, { recursive: true, force: true });
  }
  return join(target, "tensorflow");
}

/** Installs tfjs-node and its dependencies into node_modules, linked to the engine's own copy of TensorFlow.js. */
function installPackage() {
  const tarball = npm(["pack", `@tensorflow/tfjs-node@${TFJS_NODE}`, "--silent"], { cwd: directory })
    .trim()
    .split("\n")
    .pop();
  const scope = join(directory, "node_modules", "@tensorflow");
  const target = join(scope, "tfjs-node");
  const unpacked = mkdtempSync(join(tmpdir(), "tfjs-node-"));
  execFileSync("tar", ["-xzf", join(directory, tarball), "-C", unpacked, "--strip-components=1"]);
  const { dependencies } = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8"));
  const needed = RUNTIME_DEPENDENCIES.map((name) => [name, dependencies[name]]);
  const manifest = {
    private: true,
    dependencies: { ...Object.fromEntries(needed), "node-api-headers": NODE_API_HEADERS },
  };
  writeFileSync(join(directory, "package.json"), JSON.stringify(manifest, null, 2));
  npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], { cwd: directory });
  mkdirSync(scope, { recursive: true });
  rmSync(target, { recursive: true, force: true });
  execFileSync("cp", ["-R", unpacked, target]);
  rmSync(unpacked, { recursive: true });
  rmSync(join(directory, tarball));
  const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs/package.json");
  const core = createRequire(tfjs).resolve("@tensorflow/tfjs-core/package.json");
  for (const manifestPath of [tfjs, core]) {
    const link = join(scope, basename(dirname(manifestPath)));
    rmSync(link, { recursive: true, force: true });
    symlinkSync(dirname(manifestPath), link);
  }
  return target;
}

/** Compiles the binding into the directory where tfjs-node looks for it. */
function compile(tfjsNode, tensorflow) {
  const output = join(tfjsNode, "lib", `napi-v${NODE_API}`);
  mkdirSync(output, { recursive: true });
  const headers = join(directory, "node_modules", "node-api-headers", "include");
  const includes = [headers, join(tensorflow, "include"), tfjsNode].map((path) => `-I${path}`);
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(tfjsNode, "binding", name));
  const link = [`-L${tensorflow}`, ...LIBRARIES.map((name) => `-l:${name}`), `-Wl,-rpath,${tensorflow}`];
  const flags = ["-shared", "-fPIC", "-O2", "-std=c++17", "-w", `-DNAPI_VERSION=${NODE_API}`];
  console.log("compiling the binding");
  execFileSync("g++", [...flags, ...includes, ...sources, "-o", join(output, "tfjs_binding.node"), ...link], {
    stdio: "inherit",
  });
}

if (process.platform !== "linux") {
  console.error("this script supports only Linux; on other systems install @tensorflow/tfjs-node");
  process.exit(1);
}
mkdirSync(directory, { recursive: true });
const tensorflow = options.tensorflow ? resolve(options.tensorflow) : unpackWheel(directory);
compile(installPackage(), tensorflow);
console.log(`done. Use it with MEGATRON_TENSORFLOW=${directory} and --backend tensorflow`);
