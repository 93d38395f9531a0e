/** Training runs, live: which there are, and the curves of those that are chosen, side by side. */
import { useEffect, useState } from "preact/hooks";
import { Chart } from "./chart.tsx";
import { type Run, useRuns } from "./use-runs.ts";

/** What is drawn, by the names in `metrics.jsonl`. */
const CURVES = [
  { title: "Loss", fields: ["loss", "validationLoss"], digits: 3 },
  { title: "Learning rate", fields: ["learningRate"], digits: 5 },
  { title: "Tokens per second", fields: ["tokensPerSecond"], digits: 0 },
  { title: "Energy, watt-hours", fields: ["kilowattHours"], digits: 2, scale: 1000 },
];

/** Runs that can be told apart in a chart. */
const MOST_SHOWN = 6;

const number = (value: unknown, digits: number) =>
  typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: digits }) : "–";

export function Runs() {
  const { runs, problem, choose, chosen } = useRuns({ most: MOST_SHOWN });
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  const shown = chosen.flatMap((name) => runs?.find((run) => run.name === name) ?? []);
  return (
    <>
      <h1>Training runs</h1>
      {problem && (
        <p role="alert" class="alert">
          {problem}
        </p>
      )}
      {runs?.length === 0 && <p>There are no runs in this directory yet.</p>}
      {runs && runs.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrolls on narrow screens
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields
        <div class="scroll" role="group" tabIndex={0} aria-label="Runs">
          <table>
            <thead>
              <tr>
                {["Run", "Step", "Loss", "Validation loss", "Tokens/s", "Left", "Energy"].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <Row
                  key={run.name}
                  run={run}
                  now={now}
                  place={chosen.indexOf(run.name)}
                  onChoose={() => choose(run.name)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="charts">
        {shown.length > 0 &&
          CURVES.map(({ title, fields, digits, scale = 1 }) => (
            <Chart
              key={title}
              title={title}
              digits={digits}
              lines={shown.flatMap((run) =>
                fields.map((field, index) => ({
                  label: index === 0 ? run.name : `${run.name}, validation`,
                  place: chosen.indexOf(run.name),
                  isDashed: index > 0,
                  points: run.reports.flatMap((report): [number, number][] =>
                    typeof report[field] === "number" ? [[report.step as number, report[field] * scale]] : [],
                  ),
                })),
              )}
            />
          ))}
      </div>
    </>
  );
}

interface RowProps {
  run: Run;
  now: number;
  /** Its place among the chosen ones, or -1. */
  place: number;
  onChoose: () => void;
}

function Row({ run, now, place, onChoose }: RowProps) {
  const last = (field: string) => run.reports.findLast((report) => field in report)?.[field];
  const isLive = now - run.updated < 30_000;
  const left = last("secondsLeft");
  return (
    <tr>
      <th scope="row">
        <label class="choice">
          <input type="checkbox" checked={place >= 0} onChange={onChoose} />
          <span class={place >= 0 ? `swatch line-${place}` : "swatch"} aria-hidden="true" />
          {run.name}
          {isLive && <span class="live">live</span>}
        </label>
      </th>
      <td class="number">{number(last("step"), 0)}</td>
      <td class="number">{number(last("loss"), 3)}</td>
      <td class="number">{number(last("validationLoss"), 3)}</td>
      <td class="number">{number(last("tokensPerSecond"), 0)}</td>
      <td class="number">{typeof left === "number" && left > 0 ? duration(left) : "–"}</td>
      <td class="number">{energy(last("kilowattHours"))}</td>
    </tr>
  );
}

const duration = (seconds: number) =>
  seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 5400
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;

const energy = (hours: unknown) =>
  typeof hours !== "number" ? "–" : hours < 1 ? `${number(1000 * hours, 2)} Wh` : `${number(hours, 2)} kWh`;
