/** Opens the datasets of a run, each once, and checks them against its tokenizer. */
import { type DataConfig, DataError, type Dataset, type DocumentRange, openDataset } from "@megatron-ts/data";
import { ConfigError } from "../errors.ts";
import type { WeightedDocuments } from "../objectives/definition.ts";

export interface RunDatasets {
  /** Documents to train on. */
  training: WeightedDocuments[];
  /** Documents to evaluate on; null if the run does not evaluate. */
  validation: { dataset: Dataset; documents: DocumentRange } | null;
  /** Identifies the contents of each dataset, by prefix. */
  fingerprints: Record<string, string>;
  close(): void;
}

export async function openDatasets(
  data: DataConfig,
  { evaluates, tokenizer }: { evaluates: boolean; tokenizer: { fingerprint: string } },
): Promise<RunDatasets> {
  const opened = new Map<string, Dataset>();
  const close = () => {
    for (const dataset of opened.values()) dataset.close();
  };
  const open = async (prefix: string) => {
    const known = opened.get(prefix);
    if (known) return known;
    const dataset = await openDataset(prefix);
    opened.set(prefix, dataset);
    checkTokenizer(dataset, { prefix, tokenizer });
    return dataset;
  };
  try {
    const sources = typeof data.train === "string" ? [{ prefix: data.train, weight: 1 }] : data.train;
    const training: WeightedDocuments[] = [];
    for (const { prefix, weight } of sources) {
      const dataset = await open(prefix);
      training.push({ dataset, documents: dataset.documentsOf(dataset.sidecar ? "train" : "all"), weight });
    }
    if (!evaluates) return { training, validation: null, fingerprints: fingerprintsOf(opened), close };
    const { prefix, split } = data.validation ?? { prefix: sources[0]!.prefix, split: "validation" as const };
    const dataset = await open(prefix);
    return {
      training,
      validation: { dataset, documents: dataset.documentsOf(split) },
      fingerprints: fingerprintsOf(opened),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function fingerprintsOf(opened: ReadonlyMap<string, Dataset>): Record<string, string> {
  return Object.fromEntries(
    [...opened].map(([prefix, { sidecar, documents, tokens }]) => {
      return [prefix, sidecar?.files.bin.sha256 ?? `${documents} documents of ${tokens} tokens`];
    }),
  );
}

/** Throws a ConfigError for a dataset that was replaced since the checkpoint was saved. */
export function checkDatasets(
  fingerprints: Record<string, string>,
  { saved, checkpoint }: { saved: Readonly<Record<string, string>>; checkpoint: string | null },
): void {
  const replaced = Object.keys(fingerprints).filter((prefix) => {
    return saved[prefix] !== undefined && saved[prefix] !== fingerprints[prefix];
  });
  if (replaced.length === 0) return;
  throw new ConfigError(
    replaced.map((prefix) => ({
      path: "data",
      message:
        `${prefix} is not the dataset that ${checkpoint} was trained on: restore it, or give the new one another ` +
        "prefix to continue on other data",
    })),
  );
}

/** Throws a DataError for a dataset that was prepared with another tokenizer. */
export function checkTokenizer(
  { sidecar }: Dataset,
  { prefix, tokenizer }: { prefix: string; tokenizer: { fingerprint: string } },
): void {
  if (sidecar && sidecar.tokenizer.fingerprint !== tokenizer.fingerprint) {
    throw new DataError(
      `was prepared with another tokenizer (${sidecar.tokenizer.fingerprint}, not ${tokenizer.fingerprint}): ` +
        "prepare the text again with this one",
      { source: prefix },
    );
  }
}
