/**
 * Encodes the part of TensorFlow's `Event` protobuf that scalars need. Knows no files.
 */
import protobuf from "protobufjs/light.js";

/** `wallTime` in seconds since 1970. */
export type TensorBoardEvent = { wallTime: number; step?: number } & (
  | { fileVersion: string }
  | { summary: { value: { tag: string; simpleValue: number }[] } }
  /** TensorBoard drops the points of earlier files at this step and later ones. */
  | { sessionLog: { status: "START" } }
);

const { root } = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ["fileVersion", "summary", "sessionLog"] } },
      fields: {
        wallTime: { type: "double", id: 1 },
        step: { type: "int64", id: 2 },
        fileVersion: { type: "string", id: 3 },
        summary: { type: "Summary", id: 5 },
        sessionLog: { type: "SessionLog", id: 7 },
      },
    },
    Summary: {
      fields: { value: { rule: "repeated", type: "Value", id: 1 } },
      nested: { Value: { fields: { tag: { type: "string", id: 1 }, simpleValue: { type: "float", id: 2 } } } },
    },
    SessionLog: {
      fields: { status: { type: "Status", id: 1 } },
      nested: { Status: { values: { STATUS_UNSPECIFIED: 0, START: 1 } } },
    },
  },
});
const eventType = root.lookupType("Event");

/** The event as protobuf bytes. */
export const encodeEvent = (event: TensorBoardEvent): Uint8Array =>
  eventType.encode(eventType.fromObject(event)).finish();
