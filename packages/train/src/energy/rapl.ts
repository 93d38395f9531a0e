/**
 * The energy counters of Intel and AMD processors (RAPL) as Linux shows them in /sys/class/powercap: packages and the memory
 * beside them. They count the whole machine and wrap around; most systems let only root read them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Packages, and the parts that a package does not contain. `psys` contains them all, `core` and `uncore` are within. */
const COUNTED = /^(package-\d+|dram)$/;
const ZONE = /^intel-rapl:\d+(:\d+)?$/;

interface Zone {
  file: string;
  /** In microjoules; the counter wraps around to 0 after it. */
  range: number;
  last: number;
}

/** Open counters. */
export interface RaplCounters {
  /** Joules since they were opened. Call it more often than a counter wraps around, which takes minutes under full load. */
  joules(): number;
}

/**
 * Opens the counters.
 * @param directory of the powercap zones
 * @returns null where there are none, or where they cannot be read
 */
export function openRapl(directory = "/sys/class/powercap"): RaplCounters | null {
  let zones: Zone[];
  try {
    zones = readdirSync(directory)
      .filter((name) => ZONE.test(name))
      .map((name) => join(directory, name))
      .filter((zone) => COUNTED.test(readFileSync(join(zone, "name"), "utf8").trim()))
      .map((zone) => {
        const file = join(zone, "energy_uj");
        return { file, range: numberIn(join(zone, "max_energy_range_uj")), last: numberIn(file) };
      });
  } catch {
    // No such directory, or not for this user: the caller estimates instead, and says so.
    return null;
  }
  if (zones.length === 0) return null;
  let microjoules = 0;
  return {
    joules() {
      for (const zone of zones) {
        const now = numberIn(zone.file);
        microjoules += now - zone.last + (now < zone.last ? zone.range : 0);
        zone.last = now;
      }
      return microjoules / 1e6;
    },
  };
}

function numberIn(file: string): number {
  const value = Number(readFileSync(file, "utf8"));
  if (Number.isFinite(value)) return value;
  throw new Error(`${file} holds no number`);
}
