/** What a probe finds: whether the kernel does something that vtep makes use of. */

/**
 * works: it was tried, or the kernel said so. missing: the kernel has no such thing. faulty: it has, and it does damage.
 * unseen: there was no way to try it here.
 */
export type ProbeState = 'works' | 'missing' | 'faulty' | 'unseen';

export interface Probe {
  /** In kebab-case, as `vtep doctor` prints it. */
  readonly name: string;
  readonly state: ProbeState;
  /** What was found and what vtep makes of it: a sentence without a full stop. */
  readonly sentence: string;
}

/** Names of all probes, and what each looks for. */
export const PROBE_NAMES = [
  'udp-segmentation',
  'udp-bundles',
  'queue-overflow',
  'tap',
  'tap-queues',
  'tap-tcp-offload',
  'tap-udp-offload',
  'tap-tunnel-offload',
  'packet-socket',
] as const;
export type ProbeName = (typeof PROBE_NAMES)[number];
