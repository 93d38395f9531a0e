/** Numbers of things, as people read them. */

/** "1 document", "2,408,110 tokens". */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
