/**
 * Links against the system's ip: devices of the kernel, made with the words of `linkCommand`. What is generic is read
 * from ip's JSON and printed again, so the whole output is compared, byte for byte.
 */
import test from 'ava';
import fc from 'fast-check';
import { parseMac } from './address.js';
import { anyVxlan, kernelVxlan } from './arbitrary-vxlan.test.helper.js';
import type { OutputOptions } from './commands.js';
import { hasKernelVxlan, quote, runInNamespace } from './kernel-oracle.test.helper.js';
import { linkCommand } from './link-command.js';
import type { LinkState, LinkStatistics, TapDetails, VxlanDetails } from './link-state.js';
import { printLinks } from './print-link.js';
import type { VxlanOptions } from './vxlan-options.js';

const DEVICES = 80;
const ifOracle = hasKernelVxlan ? test : test.skip;

const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };
const outputs: readonly (readonly [options: string, output: OutputOptions])[] = [
  ['', plain],
  ['-d', { ...plain, details: true }],
  ['-d -s', { ...plain, details: true, statistics: true }],
  ['-s -s', { ...plain, statistics: true, errors: true }],
  ['-d -j', { ...plain, details: true, json: true }],
  ['-d -j -p', { ...plain, details: true, json: true, pretty: true }],
  ['-s -s -j', { ...plain, statistics: true, errors: true, json: true }],
  ['-s -j -p', { ...plain, statistics: true, json: true, pretty: true }],
];

/** JSON of ip, whose fields are numbers, texts and objects of these. */
type Json = { readonly [key: string]: Json } & { readonly [key: string]: string & number };

function mac(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : parseMac(text);
}

function statisticsOf({
  rx = {} as Json,
  tx = {} as Json,
}: {
  readonly rx?: Json;
  readonly tx?: Json;
}): LinkStatistics {
  const count = (from: Json, key: string): number => Number(from[key] ?? 0);
  return {
    rxBytes: count(rx, 'bytes'),
    rxPackets: count(rx, 'packets'),
    rxErrors: count(rx, 'errors'),
    rxDropped: count(rx, 'dropped'),
    rxMissed: count(rx, 'missed_errors'),
    multicast: count(rx, 'multicast'),
    rxLengthErrors: count(rx, 'length_errors'),
    rxCrcErrors: count(rx, 'crc_errors'),
    rxFrameErrors: count(rx, 'frame_errors'),
    rxFifoErrors: count(rx, 'fifo_errors'),
    rxOverErrors: count(rx, 'over_errors'),
    txBytes: count(tx, 'bytes'),
    txPackets: count(tx, 'packets'),
    txErrors: count(tx, 'errors'),
    txDropped: count(tx, 'dropped'),
    txCarrierErrors: count(tx, 'carrier_errors'),
    collisions: count(tx, 'collisions'),
    txAbortedErrors: count(tx, 'aborted_errors'),
    txFifoErrors: count(tx, 'fifo_errors'),
    txWindowErrors: count(tx, 'window_errors'),
    txHeartbeatErrors: count(tx, 'heartbeat_errors'),
    carrierChanges: count(tx, 'carrier_changes'),
    rxNohandler: count(rx, 'nohandler'),
    rxOtherhost: count(rx, 'otherhost'),
  };
}

/** The state behind `ip -d -s -s -j link show`, with details of vtep's own typing. */
function stateOf(json: string, details: TapDetails | VxlanDetails): LinkState {
  const [link] = JSON.parse(json) as Json[];
  if (link === undefined) {
    throw new Error(`no link in ${json}`);
  }
  const address = mac(link.address);
  const broadcast = mac(link.broadcast);
  return {
    ifindex: link.ifindex ?? 0,
    name: link.ifname ?? '',
    flags: (link.flags ?? []) as unknown as readonly string[],
    mtu: link.mtu ?? 0,
    qdisc: link.qdisc ?? '',
    ...(link.master !== undefined && { master: link.master as string }),
    operstate: link.operstate ?? '',
    mode: link.linkmode ?? '',
    group: link.group ?? '',
    qlen: link.txqlen ?? 0,
    ...(address !== undefined && { address }),
    ...(broadcast !== undefined && { broadcast }),
    promiscuity: link.promiscuity ?? 0,
    allmulti: link.allmulti ?? 0,
    minMtu: link.min_mtu ?? 0,
    maxMtu: link.max_mtu ?? 0,
    details,
    ...(link.inet6_addr_gen_mode !== undefined && { addrgenmode: link.inet6_addr_gen_mode as string }),
    numTxQueues: link.num_tx_queues ?? 0,
    numRxQueues: link.num_rx_queues ?? 0,
    gsoMaxSize: link.gso_max_size ?? 0,
    gsoMaxSegs: link.gso_max_segs ?? 0,
    tsoMaxSize: link.tso_max_size ?? 0,
    tsoMaxSegs: link.tso_max_segs ?? 0,
    groMaxSize: link.gro_max_size ?? 0,
    statistics: statisticsOf((link.stats64 ?? {}) as Json),
    ...(link.ifalias !== undefined && { alias: link.ifalias as string }),
    ...(link.altnames !== undefined && { altnames: link.altnames as unknown as readonly string[] }),
  };
}

/** Shell: shows a device in every way; the first way is the one that its state is read from. */
function showAll(name: string): string[] {
  return ['-d -s -s -j', ...outputs.map(([options]) => options)].map(
    (options) => `ip ${options} link show dev ${name}`,
  );
}

function same(t: { is(a: string, b: string, message: string): unknown }, shown: string[], state: LinkState): void {
  for (const [i, [options, output]] of outputs.entries()) {
    t.is(printLinks([state], output), shown[i + 1] ?? '', options);
  }
}

ifOracle(`${DEVICES} generated vxlan devices print as the ip of the system prints the kernel's`, (t) => {
  const devices = [
    ...fc.sample(kernelVxlan('vtept'), { numRuns: DEVICES - 10, seed: 31 }),
    ...fc
      .sample(anyVxlan, { numRuns: 400, seed: 32 })
      .filter(({ gpe }) => gpe === true)
      .slice(0, 10),
  ];
  const scripts = devices.flatMap((options: VxlanOptions) => {
    const words = linkCommand({ name: 'vtepx' }, { kind: 'vxlan', options }).map(quote).join(' ');
    const [first = '', ...rest] = showAll('vtepx');
    return [`ip ${words}; ${first}`, ...rest.slice(0, -1), `${rest.at(-1)}; ip link del vtepx`];
  });
  const shown = runInNamespace(['ip tuntap add vtept mode tap', ...scripts]).slice(1);
  for (const [i, options] of devices.entries()) {
    const outputsOfOne = shown.slice(i * (outputs.length + 1), (i + 1) * (outputs.length + 1));
    same(t, outputsOfOne, stateOf(outputsOfOne[0] ?? '', { kind: 'vxlan', options }));
  }
});

ifOracle('A TAP prints as the ip of the system prints it, its counters, alias and other names included', (t) => {
  const scripts = [
    'ip tuntap add vtept mode tap vnet_hdr; ip link set vtept alias "an alias" up mtu 9000; ip link property add dev vtept altname other',
    ...showAll('vtept'),
    'ip tuntap add vtepq mode tap multi_queue user 12345 group 0 pi; ip link set vtepq group 7 txqueuelen 0',
    ...showAll('vtepq'),
  ];
  const shown = runInNamespace(scripts);
  const one = shown.slice(1, outputs.length + 2);
  same(t, one, stateOf(one[0] ?? '', { kind: 'tap', pi: false, vnetHdr: true, persist: true }));
  const other = shown.slice(outputs.length + 3);
  const queues = { enabled: 0, disabled: 0 };
  const details = { kind: 'tap', pi: true, vnetHdr: false, queues, persist: true, user: 12345, group: 'root' } as const;
  same(t, other, stateOf(other[0] ?? '', details));
});

ifOracle('Columns of counters grow with them, as those of ip do', (t) => {
  // The loopback device stands in: it alone counts what it sends to itself.
  const ping = 'ip link set lo up; ping -q -f -c 3000 -s 60000 127.0.0.1 >/dev/null';
  const [, json = '', ...texts] = runInNamespace([
    ping,
    ...['-s -s -j', '-s', '-s -s'].map((o) => `ip ${o} link show lo`),
  ]);
  const state = stateOf(json, { kind: 'vxlan', options: {} as VxlanOptions });
  const table = (text: string): string => text.slice(text.indexOf('    RX:'));
  t.true(state.statistics.rxBytes > 1e8, `${state.statistics.rxBytes}`);
  t.is(table(printLinks([state], { ...plain, statistics: true })), table(texts[0] ?? ''));
  t.is(table(printLinks([state], { ...plain, statistics: true, errors: true })), table(texts[1] ?? ''));
});
