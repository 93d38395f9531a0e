/** Judges what a parser did with an input: it returned, or it threw an error of ours, in one line, soon, in little memory. */

/** Processor seconds for one input. */
const SLOWEST = 5;
/** Of the whole process, in kilobytes. */
const LARGEST = 2_000_000;
const LONGEST_MESSAGE = 5000;

/** Words of JavaScript's own errors, which say nothing to a user. */
const FOREIGN =
  /is not a function|Cannot (read|set|convert|destructure|mix|use)|is not iterable|is not defined|\[object |array length|call stack|not a constructor|undefined \(|circular structure|Invalid string length/;

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
 * @returns whether the input was accepted, and what is wrong with the answer, if anything
 */
export async function judge(parser, input) {
  const before = process.cpuUsage();
  const peak = process.resourceUsage().maxRSS;
  let accepted = true;
  let fault;
  try {
    await Promise.race([parser.read(input), uncaught()]);
  } catch (error) {
    accepted = false;
    fault = faultOf(error, parser);
  }
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  const { maxRSS } = process.resourceUsage();
  if (seconds > SLOWEST) fault ??= `takes ${seconds.toFixed(1)} s`;
  if (maxRSS > LARGEST && maxRSS > peak) fault ??= `takes ${Math.round(maxRSS / 1024)} MB`;
  return { accepted, fault };
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
