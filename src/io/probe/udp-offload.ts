/**
 * Whether bundles of UDP datagrams (UDP_SEGMENT to send, UDP_GRO to receive) come through as they were sent. They are
 * tried over loopback: one bundle of equal datagrams, one with a shorter last one, to a socket that has the kernel cut
 * them again, and to one that takes them whole. Under a millisecond.
 */
import { release } from 'node:os';
import { EINVAL, errnoName, SystemError } from '../../native/errno.js';
import { EQUAL_SEGMENTS, hasFault, isAtLeast, SHORT_TAIL } from './kernel-release.js';
import { type Arrived, LoopbackPair } from './loopback-pair.js';
import type { Probe } from './probe.js';

/** What the probe speaks through: a `LoopbackPair`, or a test's. */
export interface BundleLink {
  setBundles(on: boolean): number;
  askSegmentation(): number;
  send(bytes: Uint8Array, segmentSize: number): number;
  receive(bytes: number): readonly Arrived[];
  close(): void;
}

const SEGMENT = 1000;
const EQUAL = Uint8Array.from({ length: 4 * SEGMENT }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
const SHORTER = EQUAL.subarray(0, 3 * SEGMENT + 300);

export interface UdpOffload {
  readonly segmentation: Probe;
  readonly bundles: Probe;
}

/** Tries both; where there is no loopback the release has to do. */
export function probeUdpOffload(
  open: () => BundleLink = () => new LoopbackPair(),
  kernel: string = release(),
): UdpOffload {
  let link: BundleLink;
  try {
    link = open();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return unseen(kernel, error.message);
  }
  try {
    const segmentation = probeSegmentation(link, kernel);
    return { segmentation, bundles: probeBundles(link, segmentation) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return unseen(kernel, error.message);
  } finally {
    link.close();
  }
}

function unseen(kernel: string, why: string): UdpOffload {
  const verdict = (name: string, since: readonly [number, number, number], option: string): Probe =>
    isAtLeast(kernel, since)
      ? {
          name,
          state: 'unseen',
          sentence: `${option} could not be tried over loopback (${why}); Linux ${kernel} has it`,
        }
      : { name, state: 'missing', sentence: `Linux ${kernel} has no ${option}` };
  return {
    segmentation: knownFault(kernel) ?? verdict('udp-segmentation', [4, 18, 0], 'UDP_SEGMENT'),
    bundles: verdict('udp-bundles', [5, 0, 0], 'UDP_GRO'),
  };
}

function knownFault(kernel: string): Probe | undefined {
  if (!hasFault(kernel, EQUAL_SEGMENTS)) return undefined;
  return segmentation('faulty', `Linux ${kernel}: ${EQUAL_SEGMENTS.sentence}; every datagram is sent by itself`);
}

const segmentation = (state: Probe['state'], sentence: string): Probe => ({
  name: 'udp-segmentation',
  state,
  sentence,
});
const bundles = (state: Probe['state'], sentence: string): Probe => ({ name: 'udp-bundles', state, sentence });

function probeSegmentation(link: BundleLink, kernel: string): Probe {
  const answer = link.askSegmentation();
  if (answer < 0)
    return segmentation('missing', `no UDP_SEGMENT (${errnoName(answer)}); every datagram is a message of its own`);
  const known = knownFault(kernel);
  if (known) return known;
  for (const [payload, kind] of [
    [EQUAL, 'equal segments'],
    [SHORTER, 'a shorter last segment'],
  ] as const) {
    const sent = link.send(payload, SEGMENT);
    if (sent === -EINVAL && payload === SHORTER)
      return segmentation(
        'works',
        `UDP_SEGMENT works, but for bundles with a shorter last segment (EINVAL${hasFault(kernel, SHORT_TAIL) ? ', a known fault of this release' : ''}): these are sent one by one`,
      );
    if (sent < 0)
      return segmentation('missing', `UDP_SEGMENT answers ${errnoName(sent)}; every datagram is a message of its own`);
    const arrived = link.receive(payload.length);
    if (arrived.length === 0) return segmentation('unseen', 'UDP_SEGMENT: what was sent over loopback did not arrive');
    if (!isCut(arrived, payload))
      return segmentation('faulty', `UDP_SEGMENT damages bundles with ${kind}; every datagram is sent by itself`);
  }
  return segmentation('works', 'UDP_SEGMENT: bundles of datagrams leave in one message');
}

function probeBundles(link: BundleLink, sending: Probe): Probe {
  const answer = link.setBundles(true);
  if (answer < 0) return bundles('missing', `no UDP_GRO (${errnoName(answer)}); datagrams arrive one by one`);
  if (sending.state !== 'works')
    return bundles('unseen', 'UDP_GRO is there, and could not be tried without UDP_SEGMENT');
  if (link.send(EQUAL, SEGMENT) < 0) return bundles('unseen', 'UDP_GRO is there, and could not be tried');
  const arrived = link.receive(EQUAL.length);
  const size = arrived[0]?.segmentSize ?? 0;
  if (arrived.length === 0) return bundles('unseen', 'UDP_GRO: what was sent over loopback did not arrive');
  if (size === 0 && isCut(arrived, EQUAL)) return bundles('unseen', 'UDP_GRO is there, and made no bundle of a test');
  const isWhole = arrived.length === 1 && size === SEGMENT && isSame(arrived[0]?.bytes ?? EQUAL.subarray(1), EQUAL);
  if (!isWhole) return bundles('faulty', 'UDP_GRO damages what it bundles; datagrams are received one by one');
  return bundles('works', 'UDP_GRO: bundles of datagrams arrive in one message');
}

/** Whether what arrived is the payload, cut into segments. */
function isCut(arrived: readonly Arrived[], payload: Uint8Array): boolean {
  const wanted = Math.ceil(payload.length / SEGMENT);
  return (
    arrived.length === wanted &&
    arrived.every(({ bytes }, n) => isSame(bytes, payload.subarray(n * SEGMENT, (n + 1) * SEGMENT)))
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
