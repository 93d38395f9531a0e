/** A cluster as a user describes it: hosts, ranks on each, what they are and how they are connected. */
import { type Device, findDevice, devices as known } from "@megatron-ts/cost";
import * as z from "zod";
import { loadRecipe } from "../configuration/recipe-file.ts";

const positive = z.number().positive();

/** The schema of a cluster description. */
export const clusterDescriptionSchema = z.strictObject({
  /** Servers. */
  hosts: z.int().min(1).max(1_000_000),
  /** Devices of each; every one is a rank. */
  ranksPerHost: z.int().min(1).max(1024),
  /** An accelerator by name, or its data sheet: 16-bit TFLOP/s, memory in GB, its bandwidth in GB/s, watts. */
  device: z.union([
    z.string().refine((name) => findDevice(name) !== undefined, {
      message: `expected one of ${known.map(({ name }) => name).join(", ")}, or a data sheet`,
    }),
    z.strictObject({
      name: z.string().min(1).default("device"),
      teraflops: positive,
      gigabytes: positive,
      gigabytesPerSecond: positive,
      watts: positive,
    }),
  ]),
  /** GB/s from a rank to others of its host, in each direction. Default: the named device's. */
  linkGigabytesPerSecond: positive.optional(),
  /** GB/s from a host to others, shared by its ranks. Default: the named device's. */
  networkGigabytesPerSecond: positive.optional(),
});

/** The devices of a cluster. */
export interface DescribedCluster {
  device: Device;
  devices: number;
}

/** Reads a cluster description (YAML). Throws a ConfigError with one line per problem. */
export function loadCluster(path: string): DescribedCluster {
  const described = loadRecipe(path, { schema: clusterDescriptionSchema, check: missingLinks });
  const { hosts, ranksPerHost, device, linkGigabytesPerSecond, networkGigabytesPerSecond } = described;
  const named = typeof device === "string" ? findDevice(device)! : null;
  const base = named ?? ownDevice(device as Exclude<typeof device, string>);
  return {
    device: {
      ...base,
      perServer: ranksPerHost,
      linkBandwidth: linkGigabytesPerSecond === undefined ? base.linkBandwidth : linkGigabytesPerSecond * 1e9,
      networkBandwidth:
        networkGigabytesPerSecond === undefined
          ? base.networkBandwidth
          : (networkGigabytesPerSecond * 1e9) / ranksPerHost,
    },
    devices: hosts * ranksPerHost,
  };
}

/** A data sheet says nothing of links, which a cluster of more than one rank has. */
function missingLinks({
  hosts,
  ranksPerHost,
  device,
  linkGigabytesPerSecond,
  networkGigabytesPerSecond,
}: z.output<typeof clusterDescriptionSchema>) {
  if (typeof device === "string") return [];
  const missing = (path: string, what: string) => ({ path, message: `expected the bandwidth ${what} in GB/s` });
  return [
    ...(ranksPerHost > 1 && linkGigabytesPerSecond === undefined
      ? [missing("linkGigabytesPerSecond", "between the ranks of a host")]
      : []),
    ...(hosts > 1 && networkGigabytesPerSecond === undefined
      ? [missing("networkGigabytesPerSecond", "between hosts")]
      : []),
  ];
}

function ownDevice(sheet: {
  name: string;
  teraflops: number;
  gigabytes: number;
  gigabytesPerSecond: number;
  watts: number;
}): Device {
  return {
    name: sheet.name,
    peakFlopsPerSecond: sheet.teraflops * 1e12,
    memoryBytes: sheet.gigabytes * 1e9,
    memoryBandwidth: sheet.gigabytesPerSecond * 1e9,
    linkBandwidth: Number.POSITIVE_INFINITY,
    networkBandwidth: Number.POSITIVE_INFINITY,
    perServer: 1,
    watts: sheet.watts,
  };
}
