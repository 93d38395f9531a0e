/** Import cycles among files, imports of types included. Knows relative imports only. */
import { dirname, resolve } from "node:path";
import { importsOf } from "./packages.mjs";

/** Groups of files in which each can be reached from every other one (Tarjan, 1972), files that import themselves too. */
export function importCycles(files, importsFrom = relativeImports) {
  const imports = new Map(files.map((file) => [file, importsFrom(file)]));
  const index = new Map();
  const low = new Map();
  const stack = [];
  const cycles = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!imports.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || imports.get(file).includes(file)) cycles.push(group);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return cycles;
}

const relativeImports = (file) =>
  importsOf(file)
    .filter((name) => name.startsWith("."))
    .map((name) => resolve(dirname(file), name));
