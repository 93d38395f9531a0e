/**
 * Times steps on a machine that may be busy with other programs. A step that the system hardly interrupted took as long as the
 * clock says. Where all were interrupted, what counts is the processor time they used, divided by the threads that shared it.
 */

/** What has passed since some moment. */
export interface Readings {
  /** Milliseconds. */
  wall: number;
  /** Processor time of all threads, milliseconds. */
  processor: number;
  /** How often the system took the processor away from a thread. */
  interruptions: number;
}

/** How long a step takes. */
export interface StepTime {
  seconds: number;
  /** Whether no step ran undisturbed, so that `seconds` follow from processor time. */
  busy: boolean;
}

/** An undisturbed step is interrupted less often than once in so many milliseconds; a busy machine does it in every one. */
const MILLISECONDS_PER_INTERRUPTION = 10;

const thisProcess = (): Readings => {
  const { userCPUTime, systemCPUTime, involuntaryContextSwitches: interruptions } = process.resourceUsage();
  return { wall: performance.now(), processor: (userCPUTime + systemCPUTime) / 1000, interruptions };
};

/** @param options the threads that compute, and what to read; default: this process */
export function createStepTimer({ threads, read = thisProcess }: { threads: number; read?: () => Readings }) {
  const steps: Readings[] = [];
  return {
    /** Runs and times a step. */
    time(step: () => void): void {
      const before = read();
      step();
      const after = read();
      steps.push({
        wall: after.wall - before.wall,
        processor: after.processor - before.processor,
        interruptions: after.interruptions - before.interruptions,
      });
    },

    get count() {
      return steps.length;
    },

    /** The fastest step after the first, which also allocates. There must be two. */
    fastest(): StepTime {
      const later = steps.slice(1);
      const undisturbed = later.filter((step) => step.interruptions * MILLISECONDS_PER_INTERRUPTION < step.wall);
      const busy = undisturbed.length === 0;
      const milliseconds = busy
        ? later.map(({ wall, processor }) => Math.min(wall, processor / threads))
        : undisturbed.map(({ wall }) => wall);
      return { seconds: Math.min(...milliseconds) / 1000, busy };
    },
  };
}
