/**
 * Packets of one batch through the coalescer, bound for one port: each has one outcome, each payload is written exactly
 * once, and what was merged is, cut again, what came in. Packets may share their bytes, and come with whatever a host's
 * virtio-net header may say of them.
 */
import * as fc from 'fast-check';
import { dissect } from '../../../src/classifier/dissect.js';
import { type Dissected, dissectSlowly } from '../../../src/classifier/dissect-oracle.js';
import { KEY_WORDS } from '../../../src/classifier/flow-key.js';
import { gather } from '../../../src/io/fake/fake-port.js';
import { Arena } from '../../../src/memory/arena.js';
import {
  GSO_NONE,
  NONE,
  type PacketIndex,
  Packets,
  SHAPE_FRAGMENT,
  SHAPE_ODD,
  SHAPE_TCP,
  UNFINISHED,
} from '../../../src/memory/packets.js';
import { FrameVector } from '../../../src/memory/vectors.js';
import { Coalescer } from '../../../src/offload/coalesce.js';
import { OUTCOME } from '../../../src/offload/outcomes.js';
import { buildFrame, type FrameSpec, noise } from '../../../src/offload/test-frames.js';
import { slowSegments } from '../../../src/offload/test-segments.js';
import { markUnfinished } from '../../../src/offload/unfinished.js';
import { Checksummer } from '../../../src/wire/checksum.js';
import { simdChecksums } from '../../../src/wire/simd-checksums.js';
import { mutateFrame } from '../burst-mutations.js';
import { layoutOf } from '../frame-fields.js';
import { mutateBytes } from '../mutate.js';
import { naivelyFinished } from '../naive-pseudo.js';
import type { Random } from '../random.js';
import { hexRows, hold, type Target } from '../target.js';

/** Small, so that vectors fill up. */
const PACKETS = 64;
const ENTRIES = 24;
const MTU = 1450;
const OFFLOADS = [31, 31, 31, 7, 0, 1, 63, 39] as const;

const arena = new Arena(1 << 20);
const packets = new Packets(arena, PACKETS);
const checksums = new Checksummer(arena.memory.buffer, simdChecksums(arena.memory));
const frames = new FrameVector(arena, ENTRIES);
const coalescer = new Coalescer(arena, packets, checksums, 40);
const room = arena.alloc(1 << 17);
const key = new Int32Array(KEY_WORDS);

interface Given {
  readonly bytes: Uint8Array;
  /** Bytes between a multiple of 8 and the frame. */
  readonly alignment: number;
}

/** A byte of offloads, then for each frame a byte of flags, 16 bits of length, and the bytes. */
function decode(input: Uint8Array): { offloads: number; given: Given[] } {
  const given: Given[] = [];
  const offloads = OFFLOADS[(input[0] ?? 0) & 7] ?? 31;
  for (let at = 1; at + 3 <= input.length && given.length < PACKETS; ) {
    const [flags = 0, high = 0, low = 0] = input.subarray(at, at + 3);
    const bytes = input.slice(at + 3, at + 3 + ((high << 8) | low));
    at += 3 + bytes.length;
    if (bytes.length >= 14) given.push({ bytes, alignment: flags & 7 });
  }
  return { offloads, given };
}

function encode(offloads: number, given: readonly Given[]): Uint8Array {
  const parts = given.flatMap(({ bytes, alignment }) => [
    Uint8Array.of(alignment, bytes.length >>> 8, bytes.length),
    bytes,
  ]);
  return Uint8Array.from(Buffer.concat([Uint8Array.of(offloads), ...parts]));
}

interface Written {
  readonly bytes: Uint8Array;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly segments: number;
}

function place(given: readonly Given[], poison: number): PacketIndex[] {
  packets.reset();
  arena.u8.fill(poison, room, room + (1 << 17));
  let at = room + 64;
  return given.map(({ bytes, alignment }) => {
    at = ((at + 7) & ~7) + alignment;
    arena.u8.set(bytes, at);
    const i = packets.take(at, bytes.length);
    at += bytes.length + 64;
    dissect(arena.u8, packets.frame[i] ?? 0, bytes.length, packets, i, key, 0);
    markUnfinished(checksums, packets, i, 65_535);
    return i;
  });
}

function coalesce(given: readonly Given[], offloads: number, poison: number): Written[] {
  const indices = place(given, poison);
  indices.forEach((i, n) => {
    packets.next[i] = indices[n + 1] ?? NONE;
  });
  coalescer.outcomes.fill(0);
  const written: Written[] = [];
  for (let rest = indices[0] ?? NONE; rest !== NONE; ) {
    frames.reset();
    const before = rest;
    rest = coalescer.run(rest, MTU, offloads, frames);
    hold(rest !== before, 'not even one packet was taken into an empty vector');
    for (let f = 0; f < frames.count; f++) {
      const bytes = gather(arena, frames.iovecs.at(frames.iovecStart[f] ?? 0), frames.iovecCount[f] ?? 0);
      const [, gsoType = 0, , , low = 0, high = 0] = bytes;
      hold(
        bytes.length - 12 === frames.bytes[f],
        `an entry says ${frames.bytes[f]} bytes and has ${bytes.length - 12}`,
      );
      written.push({ bytes: bytes.slice(12), gsoType, gsoSize: low | (high << 8), segments: frames.segments[f] ?? 0 });
    }
  }
  const total = coalescer.outcomes.reduce((sum, by) => sum + by, 0);
  hold(total === given.length, `${given.length} packets have ${total} outcomes`);
  indices.forEach((i, n) => {
    const at = packets.frame[i] ?? 0;
    const bytes = given[n]?.bytes ?? new Uint8Array(0);
    hold(Buffer.compare(arena.u8.subarray(at, at + bytes.length), bytes) === 0, 'the bytes of a packet were changed');
  });
  return written;
}

/** The frame in the forms in which it may come out: as it is, or finished. */
function formsOf(bytes: Uint8Array, found: Dissected, i: PacketIndex): Uint8Array[] {
  return ((packets.flags[i] ?? 0) & UNFINISHED) !== 0 ? [bytes, naivelyFinished(bytes, found)] : [bytes];
}

function withoutFreeId(frame: Uint8Array): Uint8Array {
  const { version, l3 } = layoutOf(frame);
  if (version !== 4 || ((frame[l3 + 6] ?? 0) & 0x40) === 0) return frame;
  return frame
    .slice()
    .fill(0, l3 + 4, l3 + 6)
    .fill(0, l3 + 10, l3 + 12);
}

const hex = (bytes: Uint8Array): string => Buffer.from(withoutFreeId(bytes)).toString('hex');
const flowOf = ({ key: words, shape }: Dissected): string =>
  (shape & (SHAPE_FRAGMENT | SHAPE_ODD)) !== 0 ? 'odd' : [...words.slice(5, 6), ...words.slice(9, 19)].join();

function run(input: Uint8Array): void {
  const { offloads, given } = decode(input);
  const written = coalesce(given, offloads, 0);
  const again = coalesce(given, offloads, 0xff);
  const text = (all: readonly Written[]): string =>
    JSON.stringify(all.map(({ bytes, ...rest }) => [rest, Buffer.from(bytes).toString('hex')]));
  hold(text(written) === text(again), 'the outcome depends on bytes outside of the frames');
  const merged = coalescer.outcomes[OUTCOME.merged] ?? 0;
  hold(
    written.length === given.length - merged,
    `${written.length} frames of ${given.length} packets, ${merged} merged`,
  );
  const due = new Map<string, string[][]>();
  given.forEach(({ bytes }, n) => {
    const found = dissectSlowly(bytes);
    const flow = flowOf(found);
    due.set(flow, [...(due.get(flow) ?? []), formsOf(bytes, found, n as PacketIndex).map(hex)]);
  });
  for (const { bytes, gsoType, gsoSize, segments } of written) {
    const parts = gsoType === GSO_NONE ? [bytes] : slowSegments(bytes, gsoSize);
    hold(parts.length === segments, `an entry counts ${segments} segments and is ${parts.length}`);
    if (gsoType !== GSO_NONE) {
      const ip = layoutOf(bytes);
      hold(bytes.length - ip.l3 <= 65_535, `a merged packet is ${bytes.length - ip.l3} bytes long`);
      hold((dissectSlowly(bytes).shape & SHAPE_TCP) !== 0 || segments <= 64, `${segments} datagrams in one`);
    }
    for (const part of parts) {
      const flow = flowOf(dissectSlowly(part));
      const forms = due.get(flow)?.shift();
      hold(forms?.includes(hex(part)) === true, () => `out came\n${hex(part)}\nwhere this is due\n${forms?.[0]}`);
    }
  }
}

const step = fc.record({
  flow: fc.nat(3),
  /** More or less than the others. */
  by: fc.constantFrom(...new Array<number>(20).fill(0), -1, 1, -99),
  /** Bytes of the sequence that are left out, or said twice. */
  gap: fc.constantFrom(...new Array<number>(30).fill(0), 1, -1, 8),
  alignment: fc.nat(7),
  change: fc.constantFrom<Partial<FrameSpec>[]>(
    ...new Array<Partial<FrameSpec>>(150).fill({}),
    ...[
      { flags: 0x18 },
      { flags: 0x11 },
      { flags: 0x52 },
      { badChecksum: true },
      { badIpChecksum: true },
      { unfinished: true },
    ],
    ...[
      { noChecksum: true },
      { padding: 5 },
      { tos: 2 },
      { fragment: 0x2000 },
      { ttl: 1 },
      { ack: 9 },
      { window: 1 },
      { id: 7 },
    ],
    ...[
      { ipOptions: '01010100' },
      { urgent: 1 },
      { vlans: [1] },
      { ethernet: '52540000000b52540000000c' },
      { sequence: 0 },
    ],
  ),
});

const generated = fc
  .tuple(
    fc.constantFrom(0, 0, 0, 0, 3, 4, 5, 6),
    fc.constantFrom(8, 7, 1, 20),
    fc.array(step, { minLength: 2, maxLength: 40 }),
  )
  .map(([offloads, usual, steps]) => {
    const sequences = [0xfffffff0, 5, 5, 5];
    const given = steps.map(({ flow, by, gap, alignment, change }, n) => {
      const size = Math.max(0, usual + by);
      const sequence = ((sequences[flow] ?? 0) + gap) >>> 0;
      sequences[flow] = (sequence + size) >>> 0;
      const version = flow % 2 === 0 ? 4 : 6;
      const bytes = buildFrame({
        ...{ version, protocol: flow === 3 ? 'udp' : 'tcp', sourcePort: flow, options: '', sequence, id: n },
        ...{ fragment: flow === 2 ? 0 : 0x4000, payload: noise(size, n), ...change },
      });
      return { bytes, alignment };
    });
    return encode(offloads, given);
  });

function mutate(input: Uint8Array, random: Random): Uint8Array {
  const { given } = decode(input);
  const list = [...given];
  for (let n = 1 << random.below(3); n > 0; n--) {
    const at = random.below(list.length);
    const here = list[at];
    const there = list[random.below(list.length)];
    if (here === undefined || there === undefined) break;
    const how = random.below(5);
    if (how === 0) list.splice(at, 1);
    else if (how === 1) list.splice(at, 0, there);
    else if (how === 2) list[at] = { ...here, bytes: mutateBytes(here.bytes, there.bytes, random, 300) };
    else list[at] = { ...here, bytes: mutateFrame(here.bytes, random) };
  }
  return encode(random.once(8) ? random.below(8) : (input[0] ?? 0), list);
}

export const target: Target = {
  name: 'coalesce',
  title:
    'packets of one batch through the coalescer: none is lost or doubled, merged ones cut again are what came in, in order',
  covers: ['offload/', 'wire/checksum', 'wire/simd-checksums'],
  generated,
  mutate,
  longest: 8192,
  run,
  show: (input) => {
    const { offloads, given } = decode(input);
    return [`offloads ${offloads}`, ...given.map(({ bytes }) => hexRows(bytes))].join('\n');
  },
};
