/**
 * Replays a capture through an endpoint of its own: the packets come in from the underlay, or from the host on a
 * device, at the times that the capture gives them. What comes out goes to one capture a device.
 */
import { CommandError, type FilterSelector, type OutputOptions } from '../iproute/commands.js';
import { filterPieces } from '../iproute/print-filter.js';
import { DeviceCounter } from '../memory/counters.js';
import { type CapturedPacket, LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../observe/captures/capture-reader.js';
import { pcapHeader, pcapRecordHeader } from '../observe/captures/capture-writer.js';
import { type DropRow, dropRows, printDrops } from '../observe/drops.js';
import { ipPacketIn, isKnownLink } from './link-layer.js';
import type { LocalDevice, LocalEndpoint, Output } from './local-endpoint.js';

/** What became of a capture's packets. */
export interface ReplayCount {
  /** Packets of the capture. */
  packets: number;
  /** No IP packets. */
  notIp: number;
  /** By link types that are not known, how many packets are of each. */
  readonly unknownLinks: Map<number, number>;
  /** IP packets that no device takes. */
  others: number;
  /** Packets that the capture has only the beginning of. */
  cut: number;
}

/** Files by name, with what is written to each. */
export type CaptureSink = (file: string, bytes: Uint8Array) => void;

export class Replay {
  readonly count: ReplayCount = { packets: 0, notIp: 0, unknownLinks: new Map(), others: 0, cut: 0 };
  private readonly endpoint: LocalEndpoint;
  private readonly from: LocalDevice | undefined;
  private readonly sink: CaptureSink;
  private readonly begun = new Set<string>();

  /** `from`: the device that the host sends the packets on; undefined: they come from the underlay. */
  constructor(endpoint: LocalEndpoint, from: string | undefined, sink: CaptureSink) {
    this.endpoint = endpoint;
    this.sink = sink;
    const device = from === undefined ? undefined : endpoint.devices.get(from);
    if (from !== undefined && (!device || device.kind === 'host')) {
      throw new CommandError(`vtep: no line makes a device "${from}" that the host could send on`, 1);
    }
    this.from = device;
  }

  /** Has one packet go through. */
  packet({ linkType, time, bytes, length }: CapturedPacket): void {
    const { endpoint, count } = this;
    count.packets++;
    if (bytes.length < length) count.cut++;
    endpoint.setTime(time);
    if (this.from) this.send(this.from, linkType, bytes);
    else {
      const packet = ipPacketIn(linkType, bytes);
      if (!isKnownLink(linkType)) count.unknownLinks.set(linkType, (count.unknownLinks.get(linkType) ?? 0) + 1);
      else if (!packet) count.notIp++;
      else if (!endpoint.receive(packet)) count.others++;
    }
    for (const output of endpoint.takeOutput()) this.write(output, time);
  }

  private send(device: LocalDevice, linkType: number, bytes: Uint8Array): void {
    if (linkType !== LINKTYPE_ETHERNET) {
      throw new CommandError(
        `vtep: what the host sends on ${device.name} has an Ethernet header; the capture's packets have none`,
        1,
      );
    }
    this.endpoint.send(device, bytes);
  }

  private write({ device, kind, bytes }: Output, time: number): void {
    const isFrame = kind === 'frame';
    const file = isFrame ? `${device}.pcap` : `${device}-underlay.pcap`;
    if (!this.begun.has(file)) {
      this.begun.add(file);
      this.sink(file, pcapHeader(isFrame ? LINKTYPE_ETHERNET : LINKTYPE_RAW));
    }
    this.sink(file, pcapRecordHeader(time, bytes.length));
    this.sink(file, bytes);
  }
}

/** What a device has counted. */
export interface DeviceReport {
  readonly device: string;
  readonly rx_packets: number;
  readonly rx_bytes: number;
  readonly tx_packets: number;
  readonly tx_bytes: number;
}

/** The devices' counters, in the order in which the file made them. */
export function deviceReports({ devices, datapath }: LocalEndpoint): DeviceReport[] {
  return [...devices.values()].map(({ name, index }) => {
    const value = (counter: number): number => datapath.counters.deviceValue(index, counter);
    return {
      device: name,
      rx_packets: value(DeviceCounter.RX_PACKETS),
      rx_bytes: value(DeviceCounter.RX_BYTES),
      tx_packets: value(DeviceCounter.TX_PACKETS),
      tx_bytes: value(DeviceCounter.TX_BYTES),
    };
  });
}

export function replayDrops({ devices, datapath }: LocalEndpoint): DropRow[] {
  return dropRows([...devices.values()], [datapath.counters]);
}

/** The hooks that have filters, each with what `tc -s filter show` prints of it. */
export function* hookReports(
  { devices, state }: LocalEndpoint,
  output: OutputOptions,
): Generator<{ readonly device: string; readonly hook: 'ingress' | 'egress'; readonly text: string }> {
  for (const { name: dev, index } of devices.values()) {
    for (const parent of ['ingress', 'egress'] as const) {
      if (!state.rules.blocks(index).has(parent)) continue;
      const selector: FilterSelector = { dev, parent };
      const filters = [...state.rules.each(selector)];
      if (filters.length === 0) continue;
      yield { device: dev, hook: parent, text: [...filterPieces(filters, selector, output)].join('') };
    }
  }
}

/** All of it as text, for people. */
export function printReplay(endpoint: LocalEndpoint, count: ReplayCount, width?: number): string {
  const lines = [`${count.packets} packets replayed\n`];
  if (count.notIp > 0) lines.push(`${count.notIp} carry no IP packet: not for any device\n`);
  for (const [link, packets] of count.unknownLinks)
    lines.push(`${packets} are of link type ${link}, which is not understood\n`);
  if (count.others > 0) lines.push(`${count.others} are UDP to no port of a device that is up, or not UDP\n`);
  if (count.cut > 0) lines.push(`${count.cut} were cut when they were captured\n`);
  for (const report of deviceReports(endpoint)) {
    lines.push(
      `\n${report.device}: received ${report.rx_packets} packets, ${report.rx_bytes} bytes; sent ${report.tx_packets} packets, ${report.tx_bytes} bytes\n`,
    );
    for (const { device, hook, text } of hookReports(endpoint, STATISTICS)) {
      if (device === report.device) lines.push(`${hook}:\n${text}`);
    }
  }
  lines.push('\n', printDrops(replayDrops(endpoint), width));
  return lines.join('');
}

/** As `tc -s` prints. */
const STATISTICS: OutputOptions = { statistics: true, details: false, json: false, pretty: false };

/** All of it as JSON; the filters as `tc -s -j filter show` prints them. */
export function replayJson(endpoint: LocalEndpoint, count: ReplayCount): string {
  const filters = [...hookReports(endpoint, { ...STATISTICS, json: true })].map(({ device, hook, text }) => ({
    device,
    hook,
    filters: JSON.parse(text) as unknown,
  }));
  const { packets, notIp, unknownLinks, others, cut } = count;
  const notKnown = [...unknownLinks].map(([linktype, packets]) => ({ linktype, packets }));
  const packetsIn = { packets, not_ip: notIp, not_understood: notKnown, not_for_a_device: others, cut };
  return `${JSON.stringify({ ...packetsIn, devices: deviceReports(endpoint), filters, drops: replayDrops(endpoint) })}\n`;
}
