/** Runs a case of receive/ through the whole pipeline, in memory; what comes of it, and what should. */
import { LocalEndpoint } from '../../src/lab/local-endpoint.js';
import { REASONS } from '../../src/memory/reasons.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../../src/offload/offloads.js';
import { arriving } from '../netns/arriving.js';
import { framesOf, type ReceiveCase, type ReceivedFrame } from './receive-cases.js';
import { batchOf, DEVICES, FIRST_KEY, FIRST_NO_KEY } from './receive-endpoint.js';

const PEER = '192.0.2.1';
const HERE = '192.0.2.2';
const ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO4 | OFFLOAD_USO6;
const KINDS: Readonly<Record<number, 'tcpv4' | 'tcpv6' | 'udp'>> = { 1: 'tcpv4', 4: 'tcpv6', 5: 'udp' };

export interface Outcome {
  /** By device, in hex; a merged frame with its kind and size before it. */
  readonly frames: Readonly<Record<string, readonly string[]>>;
  readonly reasons: Readonly<Record<string, number>>;
  /** Frames that match each filter of `key` and `no-key`. */
  readonly keys: Readonly<Record<string, number>>;
  readonly noKeys: Readonly<Record<string, number>>;
  /** Source addresses that the classic device knows the way to. */
  readonly learned: readonly string[];
}

export interface PipelineOptions {
  readonly trains: boolean;
  readonly classifier: 'tuple-space' | 'linear';
}

/** What differs inside and must not show. */
export const VARIANTS: readonly PipelineOptions[] = [
  { trains: true, classifier: 'tuple-space' },
  { trains: false, classifier: 'linear' },
];

/** The frame of the underlay that brings a datagram of the case. */
export function frameOf(
  { outer }: ReceiveCase,
  payload: Uint8Array,
  to: { readonly port: number; readonly source: string; readonly destination: string; readonly macs: [string, string] },
): string {
  const whole = Buffer.alloc(Math.max(8, payload.length));
  whole.set(payload);
  return arriving({
    source: Uint8Array.from((outer.from ?? to.source).split('.').map(Number)),
    destination: Uint8Array.from(to.destination.split('.').map(Number)),
    ...{ toMac: to.macs[0], fromMac: to.macs[1], port: to.port, tos: outer.ecn },
    ...{ first: whole.readUInt32BE(0), last: whole.readUInt32BE(4) },
    ...{ inner: whole.toString('hex', 8), cut: payload.length },
  });
}

function describe({ bytes, gso }: ReceivedFrame): string {
  const hex = Buffer.from(bytes).toString('hex');
  return gso === undefined ? hex : `${gso.kind} ${gso.size} ${hex}`;
}

/** The device that the frames of a case come out of. */
export function outputOf({ on, expect }: ReceiveCase): string {
  return on === 'classic' || expect === 'stack' ? DEVICES[on].name : 'tap0';
}

/** What must come of a case. */
export function expectedOf(one: ReceiveCase): Outcome {
  const frames = framesOf(one).map(describe);
  const output = outputOf(one);
  const count = one.datagrams.length;
  return {
    frames: frames.length > 0 ? { [output]: frames } : {},
    reasons: {
      ...(one.reason !== undefined && { [one.reason]: count }),
      ...(one.reason === undefined && output !== 'tap0' && { unmatched: count }),
      ...Object.fromEntries(one.counts.map((name) => [name, count])),
    },
    keys: Object.fromEntries(one.keys.map((words) => [words, count])),
    noKeys: Object.fromEntries(one.noKeys.map((words) => [words, 0])),
    learned: (one.learns ?? []).map((mac) => mac.replaceAll(':', '')),
  };
}

async function newEndpoint(one: ReceiveCase, { trains, classifier }: PipelineOptions): Promise<LocalEndpoint> {
  const endpoint = await LocalEndpoint.from(batchOf(PEER, one).join('\n'), 'batch', { classifier });
  const { engine } = endpoint.datapath;
  engine.setCoalescing(true);
  engine.setTrains(trains);
  for (const { index, port } of endpoint.devices.values()) engine.setPort(index, port, ALL);
  return endpoint;
}

/** Endpoints of cases that ask for no filters and for nothing learned: these can share one. */
const shared = new Map<PipelineOptions, Promise<LocalEndpoint>>();

function endpointFor(one: ReceiveCase, options: PipelineOptions): Promise<LocalEndpoint> {
  if (one.keys.length + one.noKeys.length > 0 || one.learns !== undefined) return newEndpoint(one, options);
  const endpoint = shared.get(options) ?? newEndpoint(one, options);
  shared.set(options, endpoint);
  return endpoint;
}

/** What comes of it, its datagrams arriving as one batch. */
export async function outcomeOf(one: ReceiveCase, options: PipelineOptions): Promise<Outcome> {
  const endpoint = await endpointFor(one, options);
  const { counters } = endpoint.datapath;
  const index = endpoint.devices.get(DEVICES[one.on].name)?.index ?? -1;
  const counted = (): number[] => REASONS.map((_, n) => counters.reasonValue(index, n));
  const before = counted();
  const macs: [string, string] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
  const to = { port: DEVICES[one.on].port, source: PEER, destination: HERE, macs };
  endpoint.receive(
    ...one.datagrams.map((payload) => Uint8Array.from(Buffer.from(frameOf(one, payload, to), 'hex').subarray(14))),
  );
  const frames: Record<string, string[]> = {};
  for (const { name, port } of endpoint.devices.values()) {
    const written = port.written.splice(0).map(({ bytes, vnetHeader }) => {
      const kind = KINDS[vnetHeader[1] ?? 0];
      const size = (vnetHeader[4] ?? 0) | ((vnetHeader[5] ?? 0) << 8);
      return describe({ bytes, ...(kind && { gso: { kind, size } }) });
    });
    if (written.length > 0) frames[name] = written;
  }
  const after = counted();
  const reasons = REASONS.map(({ name }, n) => [name, (after[n] ?? 0) - (before[n] ?? 0)] as const);
  const matched = new Map<number, number>();
  for (const { pref, actions } of endpoint.state.rules.list({ dev: DEVICES.external.name, parent: 'ingress' }))
    matched.set(pref, actions[0]?.statistics.packets ?? 0);
  const matches = (words: readonly string[], first: number): Record<string, number> =>
    Object.fromEntries(words.map((each, n) => [each, matched.get(first + n) ?? -1]));
  return {
    frames,
    reasons: Object.fromEntries(reasons.filter(([, count]) => count > 0)),
    keys: matches(one.keys, FIRST_KEY),
    noKeys: matches(one.noKeys, FIRST_NO_KEY),
    learned: one.learns === undefined ? [] : learnedBy(endpoint, one),
  };
}

/** The sources of the case's frames to which a classic device sends: it knows the way. */
function learnedBy(endpoint: LocalEndpoint, { datagrams }: ReceiveCase): string[] {
  const device = endpoint.devices.get(DEVICES.classic.name);
  if (device === undefined) throw new Error('there is no classic device');
  endpoint.takeOutput();
  const sources = [...new Set(datagrams.map((payload) => Buffer.from(payload.slice(14, 20)).toString('hex')))];
  return sources.filter((mac) => {
    if (mac.length < 12) return false;
    endpoint.send(device, Uint8Array.from(Buffer.from(`${mac}02000000000188b5`, 'hex')));
    return endpoint.takeOutput().some(({ kind }) => kind === 'packet');
  });
}
