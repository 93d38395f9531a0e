/**
 * Meters the energy of a run: by the processors' own counters (RAPL) where they can be read, else by an estimate, the
 * processors' thermal design power times this process's share of their time, as CodeCarbon estimates it. Accelerators and
 * the rest of the machine do not count.
 */
import { cpus } from "node:os";
import { emissionsKilograms, energyKilowattHours } from "@megatron-ts/cost";
import type { EnergyConfig } from "./configuration.ts";
import { openRapl } from "./rapl.ts";

/** What a run has used so far. */
export type EnergyUse = {
  /** Of the building: times the power usage effectiveness. */
  kilowattHours: number;
  emissionsKilograms: number;
};

/** The meter of a run. */
export interface EnergyMeter {
  /** How it measures, in words: `RAPL` or `estimated at 8 W`. */
  readonly method: string;
  /** Of the machine, earlier parts of the run included. */
  joules(): number;
  use(): EnergyUse;
}

/** Where an estimate takes its numbers from. */
export interface ProcessorTime {
  /** Logical processors of the machine. */
  processors: number;
  /** Seconds that this process has computed, summed over its threads. */
  seconds(): number;
}

/** Watts of a logical processor, where nobody says: CodeCarbon's guess too. */
const WATTS_PER_PROCESSOR = 4;

/**
 * Starts metering.
 * @param options.joules of the run before it was resumed
 */
export function createEnergyMeter(
  config: EnergyConfig,
  {
    joules: before = 0,
    powercap,
    time = thisProcess,
  }: { joules?: number; powercap?: string; time?: ProcessorTime } = {},
): EnergyMeter {
  const rapl = openRapl(powercap);
  const watts = config.watts ?? WATTS_PER_PROCESSOR * time.processors;
  const began = time.seconds();
  const estimated = () => (watts * (time.seconds() - began)) / time.processors;
  const joules = () => before + (rapl ? rapl.joules() : estimated());
  return {
    method: rapl ? "RAPL" : `estimated at ${watts} W`,
    joules,
    use() {
      const { powerUsageEffectiveness, kilogramsPerKilowattHour } = config;
      // A joule is a watt for a second.
      const kilowattHours = energyKilowattHours({ hours: joules() / 3600, watts: 1, powerUsageEffectiveness });
      return { kilowattHours, emissionsKilograms: emissionsKilograms({ kilowattHours, kilogramsPerKilowattHour }) };
    },
  };
}

const thisProcess: ProcessorTime = {
  processors: cpus().length,
  seconds() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};
