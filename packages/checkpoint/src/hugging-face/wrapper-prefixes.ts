/** Names of tensors that were saved inside of a wrapper: torch's DataParallel and torch.compile put a prefix before each. */
import type { TensorSource } from "../foreign-weights.ts";

const prefixes = ["module.", "_orig_mod."];

/** The same tensors without the prefixes that all of their names have. */
export function withoutWrapper(
  tensors: TensorSource & { readonly names: readonly string[] },
): TensorSource & { readonly names: readonly string[] } {
  const prefix = prefixes.find((candidate) => tensors.names.every((name) => name.startsWith(candidate)));
  if (prefix === undefined || tensors.names.length === 0) return tensors;
  return withoutWrapper({
    names: tensors.names.map((name) => name.slice(prefix.length)),
    info: (name) => tensors.info(prefix + name),
    read: (name) => tensors.read(prefix + name),
  });
}
