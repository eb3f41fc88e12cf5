/** What a daemon has to know of its kernel before it opens a socket: probed once a process, in a few milliseconds. */
import type { Probe } from './probe.js';
import { probeUdpOffload, type UdpOffload } from './udp-offload.js';

export interface StartProbes {
  /** Whether bundles may be sent: the kernel has UDP_SEGMENT and is not known or seen to damage them. */
  readonly sendsBundles: boolean;
  /** Whether bundles may be received. */
  readonly takesBundles: boolean;
  /** What to say of the kernel, a sentence each: what is missing, and what is not used because of a fault. */
  readonly notes: readonly string[];
}

/** What follows from the probes. */
export function conclude({ segmentation, bundles }: UdpOffload): StartProbes {
  const isBad = ({ state }: Probe): boolean => state === 'missing' || state === 'faulty';
  return {
    sendsBundles: !isBad(segmentation),
    takesBundles: !isBad(bundles),
    notes: [segmentation, bundles].filter(isBad).map(({ sentence }) => sentence),
  };
}

let found: StartProbes | undefined;

export function startProbes(): StartProbes {
  found ??= conclude(probeUdpOffload());
  return found;
}
