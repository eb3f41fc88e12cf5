/**
 * The cases of test/golden/receive over a real socket into real TAPs, beside the kernel's own vxlan devices, which get the
 * same bytes on ports of their own:
 *
 *   host A                          host B
 *     a packet socket on va ─────► vb ─► 4789 vtep vxlan0 (external) ─► tap0, or the stack at vxlan0
 *                                        4790 vtep vxlan4 (classic)  ─► the stack at vxlan4
 *                                        8472 kernel kx (external), 8473 kernel kc (classic)
 *
 * All cases are sent at once; behind each stands a marker, an IPv4 fragment, which ends every run of the coalescer and is
 * merged with nothing. A packet socket on host B sees what each device hands to the stack.
 */
import { slowSegments } from '../../src/offload/test-segments.js';
import { framesOf, type ReceiveCase, receiveCases } from '../golden/receive-cases.js';
import { batchOf, DEVICES } from '../golden/receive-endpoint.js';
import { frameOf, outputOf } from '../golden/receive-pipeline.js';
import { Daemon, type DropCount } from './daemon.js';
import { ethernet, vxlanHeader } from './frames.js';
import { until } from './process.js';
import { Topology } from './topology.js';

const MAC = '02:00:00:00:00:ff';
const KERNEL = { external: { name: 'kx', port: 8472 }, classic: { name: 'kc', port: 8473 } } as const;
/** A VNI that no filter takes: its marker goes to the stack. */
const STRANGER = 9;
/** Source address of the markers: 10.99.0.1. */
const MARK = '0a630001';

export interface SocketFigures {
  readonly cases: number;
  readonly datagrams: number;
  readonly delivered: number;
  readonly dropped: number;
  /** Cases of which the kernel's device was given the same bytes. */
  readonly compared: number;
}

/** The marker behind case `n`. */
function marker(n: number, vni: number): Uint8Array {
  const ip = `45000014${n.toString(16).padStart(4, '0')}2000 40fd0000 ${MARK} 0a630002`.replaceAll(' ', '');
  return Buffer.from(vxlanHeader(vni) + ethernet('02:00:00:00:00:0b', '02:00:00:00:00:0e', 0x0800) + ip, 'hex');
}

/** The number of a marker; -1: it is none. */
function markerOf(hex: string): number {
  return hex.slice(52, 60) === MARK ? Number.parseInt(hex.slice(36, 40), 16) : -1;
}

/** What a packet socket shows of a frame: the stack has taken the outermost tag off. */
function asSeen(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return ['8100', '88a8'].includes(hex.slice(24, 28)) ? hex.slice(0, 24) + hex.slice(32) : hex;
}

/** IPv4 packets with DF without their ID and the checksum over it: merging keeps neither. */
function withoutFreeId(hex: string): string {
  if (hex.slice(24, 30) !== '080045' || (Number.parseInt(hex.slice(40, 41), 16) & 4) === 0) return hex;
  return `${hex.slice(0, 36)}....${hex.slice(40, 48)}....${hex.slice(52)}`;
}

/** Frames as what they stand for: those that are longer than a packet of the case are cut. */
function cut({ frames }: ReceiveCase, seen: readonly string[]): string[] {
  const size = frames.find(({ gso }) => gso !== undefined)?.gso?.size;
  return seen
    .flatMap((hex) => {
      const bytes = Buffer.from(hex, 'hex');
      const isTcp = bytes[23] === 6;
      const headers = 34 + (isTcp ? ((bytes[46] ?? 0) >> 4) * 4 : 8);
      if (size === undefined || bytes.length - headers <= size) return [hex];
      return slowSegments(bytes, size).map((segment) => Buffer.from(segment).toString('hex'));
    })
    .map(withoutFreeId);
}

/** What each device has shown, case by case. */
class Seen {
  /** By device; the frames before each marker. */
  private readonly frames = new Map<string, Map<number, string[]>>();

  constructor(text: string) {
    const open = new Map<string, string[]>();
    for (const line of text.split('\n').slice(0, -1)) {
      const [dev = '', hex = ''] = line.split(' ');
      const list = open.get(dev) ?? [];
      open.set(dev, list);
      const n = markerOf(hex);
      if (n < 0) list.push(hex);
      else {
        const own = this.frames.get(dev) ?? new Map<number, string[]>();
        this.frames.set(dev, own);
        own.set(n, [...(own.get(n) ?? []), ...list.splice(0)]);
      }
    }
  }

  /** Undefined where there is no marker. */
  of(dev: string, n: number): readonly string[] | undefined {
    return this.frames.get(dev)?.get(n);
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, n) => each === b[n]);
}

/** Rejects where a case comes to another end than it says, or than with the kernel's device. */
export async function receiveOverSocket(say: (what: string) => void): Promise<SocketFigures> {
  // No kernel device, and no packet of the underlay, for what has no say here.
  const cases = receiveCases().filter(
    ({ on, datagrams }) => on !== 'tolerant' && datagrams.every(({ length }) => length < 1450),
  );
  const topology = await Topology.up();
  try {
    const { a, b, outer } = topology;
    for (const name of ['default', 'all']) await b.do(['sysctl', '-qw', `net.ipv6.conf.${name}.disable_ipv6=1`]);
    const daemon = await Daemon.start(topology, batchOf(outer.a, { keys: [], noKeys: [] }));
    await b.do(
      `ip link add ${KERNEL.external.name} address ${MAC} type vxlan external dstport ${KERNEL.external.port}`,
    );
    await b.do(`ip link add ${KERNEL.classic.name} address ${MAC} type vxlan id 4 dstport ${KERNEL.classic.port}`);
    for (const { name } of [KERNEL.external, KERNEL.classic]) {
      await b.offloads(name, 'gro off');
      await b.do(`ip link set ${name} up`);
    }
    const names = ['tap0', DEVICES.external.name, DEVICES.classic.name, KERNEL.external.name, KERNEL.classic.name];
    const capture = b.start(b.tool('capture-devices', ...names));
    await capture.waitFor(/capturing/);
    const mac = async (host: typeof a, dev: string): Promise<string> => {
      const [link] = JSON.parse(await host.do(`ip -j link show dev ${dev}`)) as { address: string }[];
      return link?.address ?? '';
    };
    const macs: [string, string] = [await mac(b, 'vb'), await mac(a, 'va')];
    const lines = cases.flatMap((one, n) => {
      const on = one.on === 'classic' ? 'classic' : 'external';
      const ports = [DEVICES[on].port, ...(one.kernelNotAsked === undefined ? [KERNEL[on].port] : [])];
      const plain: ReceiveCase = { ...one, outer: { ecn: 0 } };
      const marks = (on === 'external' ? [4, STRANGER] : [4]).map((vni) => marker(n, vni));
      return ports.flatMap((port) => {
        const to = { port, source: outer.a, destination: outer.b, macs };
        return [
          ...one.datagrams.map((payload) => frameOf(one, payload, to)),
          ...marks.map((payload) => frameOf(plain, payload, to)),
        ];
      });
    });
    say(`${cases.length} cases, ${lines.length} packets`);
    await a.do(a.tool('raw-frames', 'inject', 'va'), `${lines.join('\n')}\n`);
    const ends = (one: ReceiveCase): string[] =>
      one.on === 'classic' ? [DEVICES.classic.name] : ['tap0', DEVICES.external.name];
    const kernelEnd = (one: ReceiveCase): string => KERNEL[one.on === 'classic' ? 'classic' : 'external'].name;
    await until(async () => {
      const seen = new Seen(capture.stdout);
      return cases.every(
        (one, n) =>
          ends(one).every((dev) => seen.of(dev, n) !== undefined) &&
          (one.kernelNotAsked !== undefined || seen.of(kernelEnd(one), n) !== undefined),
      );
    }, 'the markers of all cases on all devices');
    const seen = new Seen(capture.stdout);
    let [delivered, dropped, datagrams, compared] = [0, 0, 0, 0];
    cases.forEach((one, n) => {
      const where = `${one.file}: ${one.title}`;
      const output = outputOf(one);
      const here = cut(one, seen.of(output, n) ?? []);
      const due =
        one.seenNothing === undefined
          ? cut(
              one,
              framesOf(one).map(({ bytes }) => asSeen(bytes)),
            )
          : [];
      if (!same(here, due))
        throw new Error(`${where}: ${output} shows\n${here.join('\n')}\ninstead of\n${due.join('\n')}`);
      for (const other of ends(one).filter((dev) => dev !== output)) {
        const strays = seen.of(other, n) ?? [];
        if (strays.length > 0) throw new Error(`${where}: ${other} shows\n${strays.join('\n')}`);
      }
      datagrams += one.datagrams.length;
      if (one.expect === 'dropped') dropped += one.datagrams.length;
      else delivered += one.datagrams.length;
      if (one.kernelNotAsked !== undefined) return;
      compared++;
      const kernel = cut(one, seen.of(kernelEnd(one), n) ?? []);
      if (!same(kernel, here))
        throw new Error(`${where}: the kernel shows\n${kernel.join('\n')}\nand vtep\n${here.join('\n')}`);
    });
    checkCounts(JSON.parse(await daemon.do('drops --json')) as DropCount[], cases);
    await checkLearned(topology, daemon);
    return { cases: cases.length, datagrams, delivered, dropped, compared };
  } finally {
    await topology.down();
  }
}

/** Every reason counts what the cases say, and the markers that no filter takes; nothing else is counted. */
function checkCounts(rows: readonly DropCount[], cases: readonly ReceiveCase[]): void {
  const due = new Map<string, number>();
  const add = (device: string, reason: string, by: number): void => {
    due.set(`${device} ${reason}`, (due.get(`${device} ${reason}`) ?? 0) + by);
  };
  for (const one of cases) {
    const { name } = DEVICES[one.on];
    if (one.reason !== undefined) add(name, one.reason, one.datagrams.length);
    else if (outputOf(one) === name) add(name, 'unmatched', one.datagrams.length);
    for (const reason of one.counts) add(name, reason, one.datagrams.length);
    add(name, 'unmatched', 1);
  }
  for (const { device, reason, count } of rows) {
    const by = due.get(`${device} ${reason}`) ?? 0;
    if (count !== by) throw new Error(`${device} counts ${count} of ${reason} instead of ${by}`);
    due.delete(`${device} ${reason}`);
  }
  for (const [what, by] of due) if (by > 0) throw new Error(`${what}: 0 instead of ${by}`);
}

/** Both classic devices know the same addresses, behind the same peer. */
async function checkLearned({ b }: Topology, daemon: Daemon): Promise<void> {
  const entries = (text: string): string => (text.match(/^\S+ dst \S+/gm) ?? []).sort().join('\n');
  const here = entries(await daemon.do(`bridge fdb show dev ${DEVICES.classic.name}`));
  const kernel = entries(await b.do(`bridge fdb show dev ${KERNEL.classic.name}`));
  if (here !== kernel || here === '') throw new Error(`vtep has learned\n${here}\nand the kernel\n${kernel}`);
}
