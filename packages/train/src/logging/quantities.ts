/** Formats numbers for people: three digits and a unit, in English notation whatever the locale. */
import type { EnergyUse } from "../energy/energy-meter.ts";

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** Three significant digits with a metric prefix: 31.2k, or 31.2 GFLOP/s with a unit. */
export function formatQuantity(value: number, unit = ""): string {
  const space = unit === "" ? "" : " ";
  if (!Number.isFinite(value)) return `${value}${space}${unit}`;
  const rounded = Number(Math.abs(value).toPrecision(3));
  const power = rounded < 1000 ? 0 : Math.min(Math.floor(Math.log10(rounded) / 3), PREFIXES.length - 1);
  const digits = rounded / 1000 ** power;
  const text = Number.isInteger(digits) && power === 0 ? String(digits) : digits.toPrecision(3);
  return `${value < 0 ? "-" : ""}${text}${space}${PREFIXES[power]}${unit}`;
}

/** Bytes in decimal units: 12.3 GB. */
export const formatBytes = (bytes: number): string => formatQuantity(bytes, "B");

/** What a run used: 12.3 Wh, 5.84 g CO2e. */
export const formatEnergy = ({ kilowattHours, emissionsKilograms }: EnergyUse): string =>
  `${formatQuantity(1000 * kilowattHours, "Wh")}, ${formatQuantity(1000 * emissionsKilograms, "g CO2e")}`;

/** All digits, grouped by thousands: 153,600. */
export const formatCount = (value: number): string => Math.round(value).toLocaleString("en-US");

/** The two largest units: 45s, 3m 05s, 1h 12m, 2d 03h. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return String(seconds);
  const whole = Math.round(seconds);
  const units = [
    { name: "d", size: 86_400, within: Number.POSITIVE_INFINITY },
    { name: "h", size: 3_600, within: 24 },
    { name: "m", size: 60, within: 60 },
    { name: "s", size: 1, within: 60 },
  ];
  const first = units.findIndex(({ size }) => whole >= size);
  if (first === -1) return "0s";
  return units
    .slice(first, first + 2)
    .map(({ name, size, within }, i) => {
      const count = Math.floor(whole / size) % within;
      return `${i === 0 ? count : String(count).padStart(2, "0")}${name}`;
    })
    .join(" ");
}
