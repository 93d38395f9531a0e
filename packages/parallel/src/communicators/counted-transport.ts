/** Counts what a rank sends to others, to compare traffic with its formulas. */
import type { Transport } from "./transport.ts";

/** A transport that counts. */
export interface CountedTransport extends Transport {
  /** Bytes sent to other ranks so far. */
  sentBytes(): number;
}

/** Wraps a transport. */
export function countSentBytes(transport: Transport): CountedTransport {
  let sent = 0;
  return {
    ...transport,
    exchange(messages, options) {
      messages.send.forEach((message, rank) => {
        if (rank !== transport.rank) sent += message?.length ?? 0;
      });
      transport.exchange(messages, options);
    },
    post(message, to) {
      sent += message.length;
      transport.post(message, to);
    },
    sentBytes: () => sent,
  };
}
