/** Judges what a parser did with an input: it returned, or it threw an error of ours, in one line, soon, in little memory. */

/** Processor seconds for one input. */
const SLOWEST = 5;
/** Of the whole process, in kilobytes. */
const LARGEST = 2_000_000;
const LONGEST_MESSAGE = 5000;

/** Words of JavaScript's own errors, which say nothing to a user. */
const FOREIGN =
  /is not a function|Cannot (read|set|convert|destructure|mix|use)|is not iterable|is not defined|\[object |array length|call stack|not a constructor|undefined \(|circular structure|Invalid string length/;

/** Refusals by the first look at a file: it is empty, or not of its format at all. Others have got further. */
const FIRST_LOOK =
  /is empty|contains no document|not valid JSON|not JSON|not YAML|is not (a|the) |does not start with|no end of central directory|end of central directory|truncated:|too short|shorter than/i;

/** Calls to the operating system are slow beside most cases: memory and processor are looked at after those that took this long. */
const WORTH_A_LOOK_MS = 20;
const REFRESH_MS = 1000;
let [peak, spent, refreshed] = [0, 0, -Infinity];

const processorSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

let reject = () => {};
process.on("uncaughtException", (error) =>
  reject(Object.assign(new Error(`uncaught: ${error.message}`), { stack: error.stack })),
);

/** Rejects when an error is thrown that nobody catches, which would end a program. */
const uncaught = () =>
  new Promise((_, fail) => {
    reject = fail;
  });

/**
 * Calls a parser.
 * @returns whether the input was accepted, whether it got beyond the first look, and what is wrong with the answer, if anything
 */
export async function judge(parser, input) {
  const start = performance.now();
  if (start - refreshed > REFRESH_MS) [spent, refreshed] = [processorSeconds(), start];
  let [accepted, deep, fault] = [true, true, undefined];
  try {
    await Promise.race([parser.read(input), uncaught()]);
  } catch (error) {
    accepted = false;
    fault = faultOf(error, parser);
    deep = !FIRST_LOOK.test(error?.message);
  }
  if (performance.now() - start > WORTH_A_LOOK_MS) {
    const seconds = processorSeconds() - spent;
    const { maxRSS } = process.resourceUsage();
    // The time counts from up to a second before the case.
    if (seconds > SLOWEST + REFRESH_MS / 1000) fault ??= `takes ${seconds.toFixed(1)} s`;
    if (maxRSS > LARGEST && maxRSS > peak) fault ??= `takes ${Math.round(maxRSS / 1024)} MB`;
    [peak, refreshed] = [Math.max(peak, maxRSS), -Infinity];
  }
  return { accepted, deep, fault };
}

function faultOf(error, { severalLines = false }) {
  if (!(error instanceof Error)) return `throws ${String(error)}`;
  if (error.userError !== true) return `throws ${error.stack?.split("\n").slice(0, 4).join(" | ")}`;
  if (!severalLines && error.message.includes("\n")) return `has several lines: ${JSON.stringify(error.message)}`;
  if (FOREIGN.test(error.message)) return `has JavaScript's words: ${error.message}`;
  if (error.message.length > LONGEST_MESSAGE)
    return `has ${error.message.length} characters: ${error.message.slice(0, 200)}`;
  return undefined;
}
