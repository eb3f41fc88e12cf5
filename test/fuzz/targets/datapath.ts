/** Bursts of datagrams through the whole receive path, against the model of what must become of them. */
import * as fc from 'fast-check';
import { type Dissected, dissectSlowly } from '../../../src/classifier/dissect-oracle.js';
import { TAP0, TAP1, vxlan } from '../../../src/dataplane/harness.test.helper.js';
import type { WrittenFrame } from '../../../src/io/fake/fake-port.js';
import { GSO_NONE, SHAPE_FRAGMENT, SHAPE_IPV4, SHAPE_ODD, SHAPE_TCP, SHAPE_UDP } from '../../../src/memory/packets.js';
import { OFFLOAD_CSUM } from '../../../src/offload/offloads.js';
import { buildFrame, type FrameSpec, noise } from '../../../src/offload/test-frames.js';
import { slowSegments } from '../../../src/offload/test-segments.js';
import { anyFrame } from '../../../src/wire/frame-generator.js';
import { type Burst, decodeBurst, encodeBurst, type Message, wholeOf } from '../burst.js';
import { type Due, modelOf, packetsOf } from '../burst-model.js';
import { mutateBurst } from '../burst-mutations.js';
import { type BurstOutcome, DatapathBench, OFFLOAD_SETS } from '../datapath-bench.js';
import { layoutOf } from '../frame-fields.js';
import { naivelyFinished } from '../naive-pseudo.js';
import { hexRows, hold, type Target } from '../target.js';

/** Entries of a frame vector, and the bytes of headers that it has for each: what is cut must fit into one. */
const ENTRIES = 4096;
const HEADER_BYTES = ENTRIES * 192;

/** A frame that is due, in every form in which it may come out. */
interface Expected {
  readonly due: Due;
  /** As it came in, or with a finished checksum. */
  readonly forms: readonly Uint8Array[];
  /** Counted as this instead. */
  readonly lost?: 'too-many-segments' | 'bad-super-frame';
  /** Nothing is known of the bytes. */
  readonly any?: true;
}

function expectations(due: Due, offloads: number): Expected[] {
  const { bytes, found, gsoSize, unfinished, segments } = due;
  const forms = unfinished ? [bytes, naivelyFinished(bytes, found)] : [bytes];
  const payload = found.end - found.payload;
  const tcp = (found.shape & SHAPE_TCP) !== 0;
  const wanted = OFFLOAD_CSUM | ((found.shape & SHAPE_IPV4) !== 0 ? (tcp ? 2 : 8) : tcp ? 4 : 16);
  const isSuper = gsoSize > 0 && !(tcp && payload <= gsoSize);
  if (!isSuper || (offloads & wanted) === wanted) return [{ due, forms }];
  const headerBytes = ((12 + found.payload + 15) & -16) * Math.ceil(payload / gsoSize);
  if (payload < 1) return [{ due, forms, lost: 'bad-super-frame' }];
  if (segments > ENTRIES || headerBytes > HEADER_BYTES) return [{ due, forms, lost: 'too-many-segments' }];
  const packets = packetsOf(due);
  if (packets !== undefined) return packets.map((packet) => ({ due, forms: [packet] }));
  return Array.from({ length: segments }, () => ({ due, forms, any: true as const }));
}

/** What tells flows apart; '' where it cannot be told: such frames keep their place among all. */
function flowOf({ shape, key }: Dissected): string {
  if ((shape & (SHAPE_FRAGMENT | SHAPE_ODD)) !== 0) return '';
  return (shape & (SHAPE_TCP | SHAPE_UDP)) === 0
    ? 'other'
    : [5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18].map((w) => key[w]).join();
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/**
 * A packet without its IPv4 ID (and the checksum over it) where DF is set: there it means nothing, and merging does not
 * keep it (docs/decisions/ipv4-id-in-merging.md).
 */
function withoutFreeId(frame: Uint8Array): Uint8Array {
  const { version, l3 } = layoutOf(frame);
  if (version !== 4 || ((frame[l3 + 6] ?? 0) & 0x40) === 0) return frame;
  return frame
    .slice()
    .fill(0, l3 + 4, l3 + 6)
    .fill(0, l3 + 10, l3 + 12);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Takes what was written off the frames that are due, flow by flow and in order. */
class Matcher {
  /** By flow; undefined: taken. */
  private readonly waiting = new Map<string, Expected[]>();
  private readonly unknown: Expected[] = [];
  private order = 0;
  private readonly orders = new Map<Expected, number>();
  bytes = 0;

  constructor(expected: readonly Expected[]) {
    for (const each of expected) {
      const flow = flowOf(each.due.found);
      this.orders.set(each, this.order++);
      const list = flow === '' ? this.unknown : (this.waiting.get(flow) ?? []);
      if (flow !== '') this.waiting.set(flow, list);
      list.push(each);
    }
  }

  get left(): number {
    return this.unknown.length + [...this.waiting.values()].reduce((sum, { length }) => sum + length, 0);
  }

  take({ bytes, vnetHeader, segments }: WrittenFrame): void {
    const flow = flowOf(dissectSlowly(bytes));
    const list = flow === '' ? this.unknown : (this.waiting.get(flow) ?? []);
    const gsoType = vnetHeader[1] ?? 0;
    const gsoSize = (vnetHeader[4] ?? 0) | ((vnetHeader[5] ?? 0) << 8);
    const [first] = list;
    const isFirst = first !== undefined && (first.any === true || first.forms.some((form) => same(form, bytes)));
    if (isFirst || gsoType === GSO_NONE) {
      hold(
        isFirst,
        () => `a frame came out that nothing is due for:\n${hex(bytes)}\ndue: ${first && hex(first.due.bytes)}`,
      );
      this.removeFirst(list, flow);
      return;
    }
    const packets = slowSegments(bytes, gsoSize);
    hold(packets.length === segments, () => `${segments} segments are counted for ${packets.length}`);
    for (const packet of packets) {
      const [next] = list;
      hold(
        next?.forms.some((form) => same(withoutFreeId(form), withoutFreeId(packet))) === true,
        () => `a merged packet is not the one that is due:\n${hex(packet)}\ndue: ${next && hex(next.due.bytes)}`,
      );
      this.removeFirst(list, flow);
    }
  }

  private removeFirst(list: Expected[], flow: string): void {
    const taken = list.shift();
    if (taken === undefined) return;
    this.bytes += taken.due.bytes.length;
    const place = this.orders.get(taken) ?? 0;
    // Frames of unknown flows keep their place before and behind those of every flow.
    if (flow !== '') {
      const behind = this.unknown.find((each) => (this.orders.get(each) ?? 0) < place);
      hold(
        behind === undefined,
        () => `a frame was overtaken that keeps its place:\n${behind && hex(behind.due.bytes)}`,
      );
    } else {
      for (const others of this.waiting.values()) {
        const [next] = others;
        hold(
          next === undefined || (this.orders.get(next) ?? 0) > place,
          () => `a frame was overtaken:\n${next && hex(next.due.bytes)}`,
        );
      }
    }
  }
}

function check(burst: Burst, outcome: BurstOutcome): void {
  const model = modelOf(burst);
  const offloads = OFFLOAD_SETS[burst.offloads] ?? 0;
  const expected = model.due.flatMap((due) => expectations(due, offloads));
  for (const { lost, due } of expected)
    if (lost !== undefined) model.reasons.set(lost, (model.reasons.get(lost) ?? 0) + due.segments);
  const counted = JSON.stringify(Object.entries(outcome.reasons).sort());
  const due = JSON.stringify([...model.reasons].filter(([, by]) => by !== 0).sort());
  hold(counted === due, `counted ${counted} instead of ${due}`);
  hold(outcome.received === model.received, `received ${outcome.received} instead of ${model.received}`);
  let lostBytes = 0;
  let outBytes = 0;
  for (const [device, written] of outcome.written) {
    const own = expected.filter((each) => each.due.device === device);
    for (const each of own) if (each.lost !== undefined) lostBytes += each.due.bytes.length;
    const matcher = new Matcher(own.filter((each) => each.lost === undefined));
    for (const frame of written) matcher.take(frame);
    hold(matcher.left === 0, `${matcher.left} frames never came out of device ${device}`);
    outBytes += matcher.bytes;
  }
  const isWhole = expected.length === model.due.length;
  const headers = model.due.length * 8;
  hold(
    !isWhole || model.bytes === outBytes + lostBytes + headers + model.droppedBytes,
    () => `${model.bytes} bytes in, ${outBytes} out, ${lostBytes + headers + model.droppedBytes} accounted for`,
  );
  const sent = [TAP0, TAP1].map((device) =>
    (outcome.written.get(device) ?? []).reduce((sum, { segments }) => sum + segments, 0),
  );
  hold(sent.join() === outcome.sent.join(), `the devices count ${outcome.sent} packets sent, and ${sent} were`);
}

const text = ({ reasons, received, sent, written }: BurstOutcome): string =>
  JSON.stringify([
    Object.entries(reasons).sort(),
    received,
    sent,
    [...written].map(([device, frames]) => [device, frames.map((each) => [hex(each.vnetHeader), hex(each.bytes)])]),
  ]);

let bench: DatapathBench | undefined;

function run(input: Uint8Array): void {
  const burst = decodeBurst(input);
  bench ??= new DatapathBench();
  const outcome = bench.run(burst, Uint8Array.of(0));
  const last = burst.messages.at(-1);
  const plausible = last === undefined || last.bytes.length === 0 ? Uint8Array.of(0xff) : last.bytes.subarray(0, 4096);
  const other = bench.run(burst, plausible);
  hold(text(outcome) === text(other), 'the outcome depends on bytes outside of the datagrams');
  check(burst, outcome);
}

interface Step {
  readonly flow: number;
  readonly size: number;
  readonly gap: number;
  readonly ecn: number;
  readonly change: Partial<FrameSpec>;
}

const step: fc.Arbitrary<Step> = fc.record({
  flow: fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4),
  size: fc.constantFrom(...new Array<number>(16).fill(0), -1, 1, -7, -8),
  /** Bytes of the sequence that are left out, or said twice. */
  gap: fc.constantFrom(...new Array<number>(24).fill(0), 1, -1, 8),
  ecn: fc.constantFrom(...new Array<number>(16).fill(0), 1, 2, 3),
  change: fc.constantFrom<Partial<FrameSpec>[]>(
    ...new Array<Partial<FrameSpec>>(60).fill({}),
    { flags: 0x18 },
    { flags: 0x11 },
    { flags: 0x02 },
    { badChecksum: true },
    { badIpChecksum: true },
    { unfinished: true },
    { noChecksum: true },
    { padding: 5 },
    { tos: 2 },
    { fragment: 0x2000 },
    { ttl: 1 },
    { ipOptions: '01010100' },
  ),
});

/** Segments of some flows in order, with something wrong in places. A step's size is what it has more than the others. */
const segments = fc
  .tuple(fc.constantFrom(8, 8, 7, 1, 20), fc.array(step, { minLength: 1, maxLength: 14 }))
  .map(drawSegments);

function drawSegments([usual, steps]: [number, Step[]]): Uint8Array[] {
  const sequences = [0xfffffff0, 5, 5, 5, 5];
  return steps.map(({ flow, size: by, gap, change }, n) => {
    const size = Math.max(0, usual + by);
    const sequence = ((sequences[flow] ?? 0) + gap) >>> 0;
    sequences[flow] = (sequence + size) >>> 0;
    return buildFrame({
      version: flow % 2 === 0 ? 4 : 6,
      protocol: flow === 2 || flow === 3 ? 'udp' : 'tcp',
      sourcePort: 1000 + flow,
      destinationPort: flow === 3 ? 53 : 5201,
      vlans: flow === 1 ? [7] : [],
      options: flow === 4 ? '0101080a0000000100000002' : '',
      sequence,
      id: n,
      payload: noise(size, n),
      ...change,
    });
  });
}

const single = (bytes: Uint8Array, ecn = 0): Message => ({ ecn, truncated: false, segmentSize: 0, times: 1, bytes });

const messages: fc.Arbitrary<Message[]> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(anyFrame(), fc.nat(45)), { minLength: 1, maxLength: 8 })
      .map((cut) => cut.map(([frame, length]) => single(vxlan(4, frame).slice(0, length)))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(segments, fc.array(step, { minLength: 14, maxLength: 14 }))
      .map(([frames, steps]) => frames.map((frame, n) => single(vxlan(4, frame), steps[n]?.ecn ?? 0))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(segments, fc.constantFrom(0, 0, 0, 1, -1, 400)).map(([frames, by]) => {
      const datagrams = frames.map((frame) => vxlan(4, frame));
      const segmentSize = Math.max(1, (datagrams[0]?.length ?? 1) + by);
      return [{ ...single(Uint8Array.from(Buffer.concat(datagrams))), segmentSize }];
    }),
  },
  {
    weight: 3,
    arbitrary: fc.array(
      fc
        .tuple(fc.constantFrom(4, 4, 4, 5, 0xffffff), anyFrame(), fc.nat(3), fc.constantFrom(8, 8, 8, 8, 0, 9, 0x88))
        .map(([vni, frame, ecn, flags]) => single(vxlan(vni, frame, flags), ecn)),
      { minLength: 1, maxLength: 8 },
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        version: fc.constantFrom<4 | 6>(4, 6),
        protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
        size: fc.integer({ min: 1400, max: 4000 }),
        cut: fc.integer({ min: 1, max: 1500 }),
      })
      .map(({ version, protocol, size, cut }) => {
        const bytes = vxlan(4, buildFrame({ version, protocol, payload: noise(size, 1), unfinished: true }));
        return [{ ...single(bytes), segmentSize: protocol === 'udp' ? cut : 0 }];
      }),
  },
  {
    weight: 1,
    // Seldom very many: such a burst costs what thirty others do.
    arbitrary: fc.tuple(segments, fc.constantFrom(2, 3, 3, 5, 5, 8, 8, 16, 64, 65, 256)).map(([frames, times]) => {
      const bytes = vxlan(4, frames[0] ?? new Uint8Array(0));
      return [{ ...single(bytes), segmentSize: bytes.length, times }];
    }),
  },
);

const generated = fc
  .record({
    trains: fc.constantFrom(true, true, true, false),
    coalescing: fc.constantFrom(true, true, true, false),
    classic: fc.constantFrom(false, false, true),
    up: fc.constantFrom(...new Array<boolean>(15).fill(true), false),
    offloads: fc.constantFrom(0, 0, 0, 1, 2, 3),
    rules: fc.nat(7),
    messages: fc.array(messages, { minLength: 1, maxLength: 3 }).map((lists) => lists.flat()),
  })
  .map(encodeBurst);

export const target: Target = {
  name: 'datapath',
  title: 'bursts of VXLAN datagrams, single and bundled, from the socket to the TAP: each byte is delivered or counted',
  covers: [
    'dataplane/decapsulate',
    'dataplane/trains',
    'dataplane/classify',
    'dataplane/deliver',
    'dataplane/queues',
  ].concat(
    [
      'dataplane/inner-super-frame',
      'dataplane/demultiplexer',
      'dataplane/source-learning',
      'dataplane/received-records',
    ],
    ['offload/', 'wire/', 'classifier/dissect', 'classifier/flow-cache/', 'actions/'],
  ),
  generated,
  mutate: mutateBurst,
  longest: 12_000,
  run,
  show: (input) => {
    const { messages: list, ...options } = decodeBurst(input);
    const rows = list.map((each) => {
      const { bytes, ...rest } = each;
      return `${JSON.stringify(rest)} ${wholeOf(each).length} bytes in all\n${hexRows(bytes)}`;
    });
    return [JSON.stringify({ ...options, messages: list.length }), ...rows].join('\n');
  },
};
