/** Type-checks files of an installation as its owner would: our declarations strictly, everybody else's not at all. */
import { join } from "node:path";
import ts from "typescript";
import { SCOPE } from "../packages.mjs";

const { ModuleKind, ModuleResolutionKind, ScriptTarget } = ts;

/** How Node and how bundlers resolve modules. */
const RESOLUTION = {
  nodenext: { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext },
  bundler: { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler },
};

export const resolutions = Object.keys(RESOLUTION);

/** TypeScript's own declarations, parsed once for all installations. */
const libraries = new Map();

const formatDiagnostic = ({ file, start, messageText }) => {
  const place = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : "";
  return place + ts.flattenDiagnosticMessageText(messageText, " ");
};

/** Whether a file is the stranger's own or one of our packages'. */
function isChecked({ fileName }) {
  const [inner, ...outer] = fileName.split("/node_modules/").reverse();
  return outer.length === 0 || inner.startsWith(SCOPE);
}

/** Returns a function that lists the type errors of files in `directory`. What it parses is kept for its next calls. */
export function createTypeChecker(directory) {
  const parsed = new Map();
  /** @param types packages whose global types are loaded, such as "node" */
  return (files, { resolution, types = [] }) => {
    const options = {
      ...RESOLUTION[resolution],
      target: ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
      types,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
    };
    const host = ts.createCompilerHost(options);
    const parse = host.getSourceFile;
    const inTypeScript = host.getDefaultLibLocation();
    host.getCurrentDirectory = () => directory;
    host.getSourceFile = (file, ...rest) => {
      const cache = file.startsWith(inTypeScript) ? libraries : parsed;
      const key = `${resolution} ${file}`;
      if (!cache.has(key)) cache.set(key, parse(file, ...rest));
      return cache.get(key);
    };
    const roots = files.map((file) => join(directory, file));
    const program = ts.createProgram(roots, options, host);
    const checked = program.getSourceFiles().filter(isChecked);
    const diagnostics = checked.flatMap((file) => ts.getPreEmitDiagnostics(program, file));
    return [...program.getOptionsDiagnostics(), ...diagnostics].map(formatDiagnostic);
  };
}
