/** Formats a number of things. */

/** "1 document", "2,408,110 tokens". */
export const pluralize = (count: number, noun: string): string =>
  `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
