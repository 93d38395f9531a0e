/**
 * An encoder and a decoder in the stages of a pipeline: the encoder's layers come first. Behind them, the encoder's states travel
 * beside the decoder's from stage to stage, since each stage attends to them; their gradients add up on the way back.
 */
import type * as tf from "@tensorflow/tfjs";
import type { ForwardOptions, ForwardOutput } from "../model.ts";
import { isIn, type Stage } from "../stage.ts";

/** The layers of one stack that a stage has: `first` to `end`, exclusive. */
export interface StackPart {
  first: number;
  end: number;
}

/** Which layers of a stack run, null for all; and the states that they start from, null for the embeddings. */
export interface StackRun {
  part: StackPart | null;
  received: tf.Tensor | null;
}

/** All of a stack. */
export const wholeStack: StackRun = { part: null, received: null };

interface Stacks {
  encode(run: StackRun): tf.Tensor;
  decode(memory: tf.Tensor, run: StackRun): tf.Tensor;
}

const encoderPart = ({ first, end }: Stage, numEncoderLayers: number): StackPart => ({
  first,
  end: Math.min(end, numEncoderLayers),
});

const decoderPart = ({ first, end }: Stage, numEncoderLayers: number): StackPart => ({
  first: Math.max(0, first - numEncoderLayers),
  end: end - numEncoderLayers,
});

/** Runs the part of both stacks that a stage has, or all of them; the encoder's states follow in `carried` where later stages read them. */
export function runStacks(
  { encode, decode }: Stacks,
  {
    stage,
    numEncoderLayers,
    received,
  }: { stage: Stage | null; numEncoderLayers: number } & Pick<ForwardOptions, "received">,
): ForwardOutput {
  if (!stage) return { hidden: decode(encode(wholeStack), wholeStack) };
  const [states = null, carried = null] = received ?? [];
  const encoded = () => encode({ part: encoderPart(stage, numEncoderLayers), received: states });
  if (stage.end <= numEncoderLayers) return { hidden: encoded() };
  const part = decoderPart(stage, numEncoderLayers);
  const [start, memory] =
    stage.first < numEncoderLayers
      ? [null, encoded()]
      : stage.first === numEncoderLayers
        ? [null, states!]
        : [states, carried!];
  const hidden = decode(memory, { part, received: start });
  return stage.isLast ? { hidden } : { hidden, carried: [memory.clone()] };
}

/**
 * Whether a weight belongs to one of these stages: scopes of the input are where a stack begins, relative biases where any of its
 * layers are, and its final norm where it ends. Others are the last stage's.
 */
export function heldInStacks(
  stages: readonly Stage[] | null,
  {
    numEncoderLayers,
    input,
    shared,
  }: { numEncoderLayers: number; input: readonly string[]; shared: readonly string[] },
): (name: string) => boolean {
  if (!stages) return () => true;
  const isHeld = (stage: Stage, name: string) => {
    const [decoder, encoder] = [decoderPart(stage, numEncoderLayers), encoderPart(stage, numEncoderLayers)];
    const begins = stage.isFirst || (stage.first <= numEncoderLayers && decoder.end > 0);
    if (isIn(input, name)) return begins || (stage.isLast && isIn(shared, name));
    const inStack = /^(encoder|decoder)\.(.*)$/.exec(name);
    if (!inStack) return stage.isLast;
    const [, stack, own = ""] = inStack;
    const { first, end } = stack === "encoder" ? encoder : decoder;
    const layer = /^layers\.(\d+)\./.exec(own);
    if (layer) return first <= Number(layer[1]) && Number(layer[1]) < end;
    if (isIn(["relativeBias"], own)) return first < end;
    if (isIn(["finalNorm"], own)) return stack === "encoder" ? first < end && end === numEncoderLayers : stage.isLast;
    return first === 0 && first < end;
  };
  return (name) => stages.some((stage) => isHeld(stage, name));
}
