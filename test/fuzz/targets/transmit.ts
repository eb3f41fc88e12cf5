/** Frames with virtio-net headers from a TAP through filters and devices into the tunnel, against the model of what must leave. */
import * as fc from 'fast-check';
import { vxlan } from '../../../src/dataplane/harness.test.helper.js';
import { buildFrame, type FrameSpec, noise } from '../../../src/offload/test-frames.js';
import { anyFrame } from '../../../src/wire/frame-generator.js';
import { finished, layoutOf } from '../frame-fields.js';
import { decodeSending, encodeSending, type HostFrame, PLAIN, type Sending, type VirtioHeader } from '../sending.js';
import { type Due, ERRNOS, modelOf, type Outer, type SendingModel } from '../sending-model.js';
import { honestHeader, mutateSending } from '../sending-mutations.js';
import type { Sent } from '../sent-packets.js';
import { hexRows, hold, type Target } from '../target.js';
import { type SendingOutcome, TransmitBench } from '../transmit-bench.js';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0;

/** Segments up to which what a kernel makes of a super-frame is spelled out. */
const SPELLED = 300;

/** What an outer header says that is other than what is due; where nothing is due the host may have chosen. */
function difference(due: Outer, sent: Outer, bySockets: boolean): string {
  const differs: string[] = [];
  const compare = (name: keyof Outer, isFree = false): void => {
    if (!isFree && JSON.stringify(due[name]) !== JSON.stringify(sent[name]))
      differs.push(`${name} ${JSON.stringify(sent[name])} instead of ${JSON.stringify(due[name])}`);
  };
  compare('family');
  compare('tos');
  compare('ttl', due.ttl === 0);
  compare('source', due.source === 0);
  compare('destination');
  compare('port');
  // A socket's receiver is told neither; and over IPv6 nothing is ever fragmented.
  compare('dontFragment', bySockets || due.family === 6);
  compare('checksum', bySockets);
  return differs.join(', ');
}

/** Datagram `n` of what is due. */
interface Waiting {
  readonly due: Due;
  readonly n: number;
}

/** Takes what left off what is due. */
class Departures {
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly bySockets: boolean;
  private readonly entropies = new Map<string, number>();

  constructor(model: SendingModel, bySockets: boolean) {
    this.bySockets = bySockets;
    for (const due of model.due) {
      const list = this.waiting.get(this.lane(due)) ?? [];
      this.waiting.set(this.lane(due), list);
      if (due.whole !== undefined) list.push({ due, n: 0 });
      else for (let n = 0; n < due.count; n++) list.push({ due, n });
    }
  }

  /** What keeps its order: all of it, or where sockets deal it out each flow. */
  private lane(due: Due): string {
    return this.bySockets ? due.flow : '';
  }

  get left(): number {
    return [...this.waiting.values()].reduce((sum, { length }) => sum + length, 0);
  }

  take(sent: Sent): void {
    const next = this.find(sent);
    hold(next !== undefined, () => this.unexpected(sent));
    const { due } = next;
    const differs = difference(due.outer, sent.outer, this.bySockets);
    hold(differs === '', () => `an outer header has ${differs}:\n${hex(sent.payload.subarray(0, 200))}`);
    this.sameEntropy(due, sent);
    if (due.whole === undefined) return;
    hold(
      sent.gso?.type === due.whole.gsoType && sent.gso.size === due.whole.gsoSize,
      'a super-frame is of another kind',
    );
    const cut = due.payloads.length === 0 ? [] : (sent.cut?.(SPELLED) ?? []);
    due.payloads.forEach((payload, n) => {
      const made = cut[n] ?? new Uint8Array(0);
      hold(same(made, payload), () => `the kernel would make\n${hex(made)}\nwhere this is due\n${hex(payload)}`);
    });
    hold(cut.length === due.payloads.length, `the kernel would make ${cut.length} of it`);
  }

  /** The one that it is, off its lane; with the right outer header where there are several. */
  private find(sent: Sent): Waiting | undefined {
    const fits = ({ due, n }: Waiting): boolean => {
      const payload = due.whole?.bytes ?? due.payloads[n];
      return payload !== undefined && same(sent.payload, payload);
    };
    const candidates: [Waiting[], number][] = [];
    for (const [lane, list] of this.waiting) {
      // What is no flow has a source port by its addresses, and each of these its own order.
      const isLoose = this.bySockets && lane.startsWith('other');
      const at = isLoose ? list.findIndex(fits) : list[0] !== undefined && fits(list[0]) ? 0 : -1;
      if (at >= 0) candidates.push([list, at]);
    }
    const isDue = ([list, at]: [Waiting[], number]): boolean =>
      list[at] !== undefined && difference(list[at].due.outer, sent.outer, this.bySockets) === '';
    const [list, at] = candidates.find(isDue) ?? candidates[0] ?? [[], 0];
    return list.splice(at, 1)[0];
  }

  /** A flow has one source port. */
  private sameEntropy({ flow }: Due, { entropy }: Sent): void {
    if (flow.startsWith('other')) return;
    const before = this.entropies.get(flow);
    hold(before === undefined || before === entropy, 'a flow has more than one source port');
    this.entropies.set(flow, entropy);
  }

  private unexpected({ payload }: Sent): string {
    const due = [...this.waiting.values()].map(
      ([first]) => first && hex(first.due.whole?.bytes ?? first.due.payloads[first.n]),
    );
    return `a datagram left that nothing is due for:\n${hex(payload)}\ndue: ${due.filter(Boolean).join('\nor ')}`;
  }
}

function check(sending: Sending, model: SendingModel, outcome: SendingOutcome): void {
  const departures = new Departures(model, outcome.bySockets);
  const [, lostReason = 'send-other'] = ERRNOS[sending.errno] ?? [];
  let lost = 0;
  for (const sent of outcome.sent) {
    departures.take(sent);
    if (sent.lost !== 0) lost++;
  }
  hold(departures.left === 0, `${departures.left} datagrams never left`);
  if (lost > 0) model.reasons.set(lostReason, (model.reasons.get(lostReason) ?? 0) + lost);
  const counted = JSON.stringify(Object.entries(outcome.reasons).sort());
  const due = JSON.stringify([...model.reasons].sort());
  hold(counted === due, `counted ${counted} instead of ${due}`);
  hold(outcome.received === model.received, `received ${outcome.received} instead of ${model.received}`);
  const lostBytes = outcome.sent.reduce((sum, each) => (each.lost === 0 ? sum : sum + each.payload.length), 0);
  const packets = model.due.reduce((sum, { count }) => sum + count, 0) - lost;
  const bytes = model.due.reduce((sum, each) => sum + each.bytes, 0) - lostBytes;
  const wanted = [packets, bytes - packets * (sending.gpe ? 8 : 22)];
  hold(
    wanted.join() === [outcome.packets, outcome.bytes].join(),
    `the device counts ${outcome.packets} packets and ${outcome.bytes} bytes, and ${wanted} were sent`,
  );
}

const text = ({ reasons, sent }: SendingOutcome): string =>
  JSON.stringify([Object.entries(reasons).sort(), sent.map(({ payload, lost }) => [hex(payload), lost])]);

let bench: TransmitBench | undefined;

function run(input: Uint8Array): void {
  const sending = decodeSending(input);
  bench ??= new TransmitBench();
  const model = modelOf(sending);
  const outcome = bench.run(sending, model, Uint8Array.of(0));
  const last = sending.frames.at(-1)?.bytes ?? new Uint8Array(0);
  const plausible = last.length === 0 ? Uint8Array.of(0xff) : last.subarray(0, 4096);
  const other = bench.run(sending, model, plausible);
  if (!outcome.bySockets) hold(text(outcome) === text(other), 'the outcome depends on bytes outside of the frames');
  check(sending, model, outcome);
}

/** Frames of a size that is mostly pattern: the headers are spelled out. */
function hostFrame(spec: Partial<FrameSpec>, size: number, virtio: (frame: Uint8Array) => VirtioHeader): HostFrame {
  const frame = buildFrame({ ...spec, payload: new Uint8Array(size) });
  const { l4, protocol } = layoutOf(frame);
  const headers = l4 + (protocol === 6 ? ((frame[l4 + 12] ?? 0) >>> 4) * 4 : 8);
  // What is finished is finished over what it has.
  const isSpelled = spec.unfinished !== true || spec.padding !== undefined;
  return isSpelled
    ? { virtio: virtio(frame), bytes: buildFrame({ ...spec, payload: noise(Math.min(size, 2000), 3) }), stretch: 0 }
    : { virtio: virtio(frame), bytes: frame.slice(0, headers), stretch: frame.length - headers };
}

const flow = fc.record({
  version: fc.constantFrom<4 | 6>(4, 4, 6),
  protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'tcp', 'udp'),
  sourcePort: fc.constantFrom(1000, 1000, 1001),
  sequence: fc.constantFrom(1, 0xffff_fff0),
  id: fc.constantFrom(1, 0xfffe),
  fragment: fc.constantFrom(0x4000, 0x4000, 0),
  ethernet: fc.constantFrom('52540000000b52540000000a', 'ffffffffffff52540000000a'),
});

const change = fc.constantFrom<Partial<FrameSpec>[]>(
  ...new Array<Partial<FrameSpec>>(12).fill({}),
  ...[{ flags: 0x18 }, { flags: 0x19 }, { flags: 0x90 }, { flags: 0xd9 }, { tos: 3 }, { tos: 0xb9 }, { ttl: 1 }],
  ...[
    { vlans: [7] },
    { vlans: [7, 8] },
    { ipOptions: '01010100' },
    { options: '' },
    { fragment: 0x2000 },
    { padding: 5 },
  ],
);

const superFrame = fc
  .record({
    flow,
    change,
    size: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 4000 }) },
      { weight: 3, arbitrary: fc.constantFrom(1448, 1449, 2896) },
      // Seldom: such a frame costs what ten others do.
      { weight: 1, arbitrary: fc.constantFrom(30_000, 64_000, 65_400) },
    ),
    gsoSize: fc.constantFrom(1448, 1448, 1400, 536, 100, 9000, 7, 1),
    ecn: fc.constantFrom(0, 0, 0, 0x80),
  })
  .map((drawn) =>
    hostFrame({ ...drawn.flow, unfinished: true, ...drawn.change }, drawn.size, (frame) => {
      const honest = honestHeader(frame, drawn.gsoSize);
      return { ...honest, gsoType: honest.gsoType | (drawn.flow.protocol === 'tcp' ? drawn.ecn : 0) };
    }),
  );

const single = fc
  .record({ flow, change, size: fc.integer({ min: 0, max: 1500 }), unfinished: fc.boolean(), noChecksum: fc.boolean() })
  .map(({ flow: of, change: with_, size, unfinished, noChecksum }) =>
    hostFrame({ ...of, unfinished, noChecksum: noChecksum && !unfinished, ...with_ }, size, (frame) =>
      unfinished ? honestHeader(frame, 0) : PLAIN,
    ),
  );

/** A datagram, alone or in a super-frame of some, whose checksum finishes to 0, which would mean that there is none. */
function sumsToNothing(spec: Partial<FrameSpec>, times: number): HostFrame {
  const payload = noise(20, times);
  const whole = (): Partial<FrameSpec> => ({ ...spec, protocol: 'udp', payload });
  payload.fill(0, 0, 2);
  const frame = finished(buildFrame(whole()));
  const { l4 } = layoutOf(frame);
  payload.set(frame.subarray(l4 + 6, l4 + 8));
  const all = Uint8Array.from(Buffer.concat(new Array<Uint8Array>(times).fill(payload)));
  const bytes = buildFrame({ ...spec, protocol: 'udp', unfinished: true, payload: all });
  return { virtio: honestHeader(bytes, times === 1 ? 0 : payload.length), bytes, stretch: 0 };
}

/** A UDP super-frame whose checksum is finished, or that has none, and datagrams within datagrams. */
const odd = fc.oneof(
  fc
    .tuple(flow, fc.integer({ min: 1, max: 1900 }), fc.constantFrom(100, 700), fc.boolean())
    .map(([of, size, gsoSize, noChecksum]) =>
      hostFrame({ ...of, protocol: 'udp', noChecksum }, size, () => ({ ...PLAIN, gsoType: 5, gsoSize })),
    ),
  fc.tuple(flow, fc.integer({ min: 1, max: 3 })).map(([of, times]) => sumsToNothing(of, times)),
  fc.tuple(flow, fc.integer({ min: 1, max: 6 })).map(([of, depth]) => {
    let bytes = buildFrame({ ...of, protocol: 'udp', payload: noise(20, 1) });
    for (let n = 0; n < depth; n++) bytes = buildFrame({ ...of, protocol: 'udp', payload: vxlan(n, bytes) });
    return { virtio: PLAIN, bytes, stretch: 0 };
  }),
  fc
    .record({
      frame: anyFrame(),
      cut: fc.constantFrom(...new Array<number>(4).fill(2000), 13, 14, 33, 60),
      gsoType: fc.constantFrom(0, 0, 1, 4, 5),
      gsoSize: fc.nat(2000),
      flags: fc.nat(1),
      csumOffset: fc.constantFrom(0, 6, 16, 40),
      // From the front, or so that the checksum ends about where the frame does.
      csumStart: fc.integer({ min: -3, max: 60 }),
    })
    .map(({ frame, cut, csumStart: at, ...rest }) => {
      const bytes = frame.slice(0, cut);
      const end = Math.max(0, bytes.length - 2 - rest.csumOffset);
      return { virtio: { ...PLAIN, ...rest, csumStart: at > 3 ? at : end + at }, bytes, stretch: 0 };
    }),
);

const generated = fc
  .record({
    way: fc.constantFrom(0, 1, 1, 2, 2, 3),
    classic: fc.constantFrom(false, false, true),
    df: fc.constantFrom(0, 1, 2, 2),
    gbp: fc.boolean(),
    gpe: fc.constantFrom(false, false, false, true),
    tos: fc.nat(3),
    ttl: fc.nat(3),
    every: fc.integer({ min: 1, max: 8 }),
    errno: fc.nat(7),
    rules: fc.nat(5),
    frames: fc.array(
      fc.oneof({ weight: 3, arbitrary: superFrame }, { weight: 3, arbitrary: single }, { weight: 2, arbitrary: odd }),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(encodeSending);

export const target: Target = {
  name: 'transmit',
  title:
    'frames with virtio-net headers from a TAP into the tunnel: what leaves is what they stand for, or it is counted',
  covers: [
    ...['dataplane/deliver', 'dataplane/outer-headers', 'dataplane/whole-flows', 'dataplane/nested-tunnels'],
    ...['dataplane/forwarder', 'dataplane/send-reasons', 'dataplane/classify', 'dataplane/queues', 'offload/', 'wire/'],
    ...['io/tap/tap-port', 'io/udp/sender', 'io/udp/headers', 'io/udp/bundler', 'io/udp/splitter', 'io/tunnel-gso/'],
    ...['classifier/dissect', 'actions/', 'devices/fdb-lookup', 'memory/packets'],
  ],
  generated,
  mutate: mutateSending,
  longest: 8192,
  run,
  show: (input) => {
    const { frames, ...options } = decodeSending(input);
    const rows = frames.map(
      ({ virtio, bytes, stretch }) => `${JSON.stringify(virtio)} and ${stretch} more bytes\n${hexRows(bytes)}`,
    );
    return [JSON.stringify({ ...options, frames: frames.length }), ...rows].join('\n');
  },
};
