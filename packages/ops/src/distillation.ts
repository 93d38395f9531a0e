/**
 * Distillation (Hinton et al. 2015): losses that follow a teacher's logits as well as their labels. A loss function hands its
 * losses and logits to `distilled`, which leaves them alone unless it runs inside `recordLogits` or `withTeacher`.
 */
import * as tf from "@tensorflow/tfjs";

/** How outputs are compared: distributions over the last axis, one of two outcomes each, or values; or a function that does it. */
type Divergence = "categorical" | "binary" | "squared" | Compare;

/** The divergence of each row of logits from the teacher's, both divided by the temperature. */
type Compare = (teacher: tf.Tensor, student: tf.Tensor, temperature: number) => tf.Tensor;

/** The logits of a teacher, one tensor for each loss, and how they count. */
interface TeacherLogits {
  logits: readonly tf.Tensor[];
  /** Both sides' logits are divided by it; the divergence is multiplied by its square, so that gradients keep their size. */
  temperature: number;
  /** The share of the divergence in the loss, 0..1; the labels have the rest. */
  weight: number;
}

let recorded: tf.Tensor[] | null = null;
let taught: (TeacherLogits & { used: number }) | null = null;

/** The logits behind each loss that f computes, in order: run a teacher in it. The caller disposes them. */
export function recordLogits(f: () => tf.Tensor): tf.Tensor[] {
  const before = recorded;
  const own: tf.Tensor[] = [];
  recorded = own;
  try {
    f().dispose();
    return own;
  } catch (error) {
    tf.dispose(own);
    throw error;
  } finally {
    recorded = before;
  }
}

/** Runs f, whose losses follow a teacher's logits, recorded by the same f. Throws an Error if f computes others. */
export function withTeacher<T>(teacher: TeacherLogits, f: () => T): T {
  const before = taught;
  const own = { ...teacher, used: 0 };
  taught = own;
  try {
    const result = f();
    if (own.used !== own.logits.length) throw new Error(`a teacher has ${own.logits.length} losses, not ${own.used}`);
    return result;
  } finally {
    taught = before;
  }
}

/**
 * Losses mixed with those against the teacher's logits.
 * @param losses as labels have them: [N], or [N, C] of "binary"; or their sum
 * @param options.logits [N, C], or [N] of "squared"
 * @param options.labels int32 [N]; where they are negative nothing is learned. Default: all count
 * @param options.weights of the rows' losses. Default: 1
 */
export function distilled(losses: tf.Tensor, { logits, labels, weights, divergence }: DistilledOptions): tf.Tensor {
  recorded?.push(tf.keep(tf.clone(logits)));
  const teacher = taught;
  if (!teacher) return losses;
  const expected = teacher.logits[teacher.used++];
  if (expected?.shape.join() !== logits.shape.join()) {
    throw new Error(`a teacher's logits are [${expected?.shape}], the student's [${logits.shape}]`);
  }
  const { temperature, weight } = teacher;
  return tf.tidy(() => {
    const compare = typeof divergence === "function" ? divergence : divergences[divergence];
    const all = compare(expected, logits, temperature);
    const counted = labels ? tf.where(tf.greaterEqual(labels, tf.scalar(0, "int32")), all, tf.zerosLike(all)) : all;
    const weighted = weights ? tf.mul(counted, tf.tensor1d([...weights])) : counted;
    return tf.add(tf.mul(losses, 1 - weight), tf.mul(losses.rank === 0 ? tf.sum(weighted) : weighted, weight));
  });
}

interface DistilledOptions {
  logits: tf.Tensor;
  labels?: tf.Tensor;
  weights?: readonly number[];
  divergence: Divergence;
}

const divergences: Readonly<Record<Exclude<Divergence, Compare>, Compare>> = {
  /** T^2 KL(softmax(t / T) || softmax(s / T)). */
  categorical(teacher, student, temperature) {
    const wanted = tf.logSoftmax(tf.div(teacher, temperature));
    const found = tf.logSoftmax(tf.div(student, temperature));
    const terms = tf.mul(tf.exp(wanted), tf.sub(wanted, found));
    return tf.mul(tf.sum(terms, -1), temperature * temperature);
  },
  /** The same of each logit's sigmoid: p log(p / q) + (1 - p) log((1 - p) / (1 - q)). */
  binary(teacher, student, temperature) {
    const [t, s] = [tf.div(teacher, temperature), tf.div(student, temperature)];
    const p = tf.sigmoid(t);
    const terms = tf.add(tf.sub(tf.softplus(s), tf.softplus(t)), tf.mul(p, tf.sub(t, s)));
    return tf.mul(terms, temperature * temperature);
  },
  squared: (teacher, student) => tf.square(tf.sub(student, teacher)),
};
