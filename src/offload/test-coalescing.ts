/** For tests of the coalescer: shorthands to run it and to make what it is fed with. */
import { NONE, type PacketIndex } from '../memory/packets.js';
import { Coalescer } from './coalesce.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6 } from './offloads.js';
import { OUTCOMES, type OutcomeName } from './outcomes.js';
import { buildFrame, type FrameSpec, noise, type Workbench } from './test-frames.js';

export const ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6;
/** The port's. */
export const MTU = 1450;

export function coalescer(bench: Workbench, capacity = 256): Coalescer {
  return new Coalescer(bench.arena, bench.packets, bench.checksums, capacity);
}

/** Runs a coalescer of its own over the packets; they all must fit. */
export function run(bench: Workbench, indices: readonly PacketIndex[], offloads = ALL, mtu = MTU): Coalescer {
  const c = coalescer(bench);
  const rest = c.run(bench.chain(indices), mtu, offloads, bench.frames);
  if (rest !== NONE) throw new Error(`packet ${rest} is left over`);
  return c;
}

/** Outcomes that were counted, by name. */
export function counts(c: Coalescer): Partial<Record<OutcomeName, number>> {
  return Object.fromEntries(OUTCOMES.map(({ name }, o) => [name, c.outcomes[o]]).filter(([, n]) => n !== 0));
}

/** Consecutive segments of one flow: sizes are their payloads. */
export function train(sizes: readonly number[], given: Partial<FrameSpec> = {}): Uint8Array[] {
  const start = given.sequence ?? 1000;
  let sent = 0;
  return sizes.map((size, n) => {
    const frame = buildFrame({
      id: 1000 + n,
      ...given,
      sequence: (start + sent) >>> 0,
      payload: noise(size, n + size),
    });
    sent += size;
    return frame;
  });
}

/** Takes a packet that the host handed over as a super-frame. */
export function superFrame(bench: Workbench, given: Partial<FrameSpec>, gsoType: number, gsoSize: number): PacketIndex {
  const i = bench.placeUnfinished(buildFrame({ ...given, unfinished: true }));
  bench.packets.gsoType[i] = gsoType;
  bench.packets.gsoSize[i] = gsoSize;
  return i;
}
