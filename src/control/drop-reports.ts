import type { Counters } from '../memory/counters.js';
import { type DropRing, FrameKind, type KeptFrame } from '../memory/drop-ring.js';
import { type DropFrame, dropRows, dropSnapshot, printDrops } from '../observe/drops.js';
import { RecentRates } from '../observe/rates.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { VXLAN_HEADER, vxlanVni } from '../wire/vxlan.js';
import type { Devices } from './devices.js';
import { readDropWords, readLast } from './drop-words.js';
import { frameWords, outerAddresses, vniOf } from './frame-words.js';
import { noSuchDevice } from './refusal.js';
import type { Rules } from './rules.js';

/** What of the datapath is looked at. */
export interface DropSource {
  /** A ring for each worker. */
  readonly drops: readonly DropRing[];
  readonly counters: { since(device: number): number };
}

/** What a daemon says of frames that ended elsewhere than where they were sent. */
export class DropReports {
  private readonly devices: Devices;
  private readonly rules: Pick<Rules, 'places'>;
  private readonly counters: readonly Counters[];
  private source: DropSource | undefined;
  private rates: RecentRates | undefined;

  /** `counters`: a set for each worker. */
  constructor(devices: Devices, rules: Pick<Rules, 'places'>, counters: readonly Counters[]) {
    this.devices = devices;
    this.rules = rules;
    this.counters = counters;
  }

  /** From now on there are rates, and the frames of `source`. */
  watch(source: DropSource): void {
    this.source = source;
    this.rates = new RecentRates(() =>
      dropSnapshot(this.named(), this.counters, performance.now(), this.devices.reasons),
    );
  }

  close(): void {
    this.rates?.close();
  }

  /** `--json`, `--width N`, `--last N`, and what readDropWords takes. Throws CommandError. */
  async answer(words: readonly string[]): Promise<string> {
    const rest: string[] = [];
    let isJson = false;
    let last = 0;
    let width = Number.POSITIVE_INFINITY;
    for (let n = 0; n < words.length; n++) {
      if (words[n] === '--json') isJson = true;
      else if (words[n] === '--width') width = Math.max(20, Number(words[++n])) || width;
      else if (words[n] === '--last') last = readLast(words[++n] ?? '');
      else rest.push(words[n] ?? '');
    }
    const wanted = readDropWords(rest, this.devices.reasons);
    const named = this.named();
    for (const name of wanted.devices) if (!named.some((device) => device.name === name)) throw noSuchDevice(name);
    await this.devices.refreshCounters();
    const frames = last > 0 ? (device: number, reason: number) => this.frames(device, reason, last) : undefined;
    const rates = await this.rates?.rates();
    const { devices, reasons } = wanted;
    const shown = named.filter(({ name }) => devices.length === 0 || devices.includes(name));
    const details = { rates, frames, reasons: this.devices.reasons };
    const rows = dropRows(shown, this.counters, details).filter(
      ({ reason }) => reasons.length === 0 || reasons.includes(reason),
    );
    return isJson ? `${JSON.stringify(rows)}\n` : printDrops(rows, width);
  }

  /** Whatever counts reasons, by name. */
  named(): { readonly index: number; readonly name: string }[] {
    return [...this.devices.registry.list(), ...this.devices.hostPorts.list()];
  }

  /** The last frames of a reason at a device, the newest first, of all workers. */
  private frames(device: number, reason: number, most: number): DropFrame[] {
    const { source } = this;
    if (!source) return [];
    const since = source.counters.since(device);
    return source.drops
      .flatMap((ring) => ring.read(reason))
      .filter((frame) => frame.device === device && frame.time >= since)
      .sort((a, b) => b.time - a.time)
      .slice(0, most)
      .map((frame) => this.shown(frame));
  }

  private shown(frame: KeptFrame): DropFrame {
    const { time, kind, received, transmit, bytes, length, rule } = frame;
    const place = this.rules.places.at(rule, time);
    const vni = received && (kind === FrameKind.DATAGRAM ? headerVni(bytes) : vniOf(received));
    const sentVni = transmit && vniOf(transmit);
    return {
      time,
      length,
      ...(vni !== undefined && { vni }),
      ...(received && { outer: outerAddresses(received) }),
      ...(transmit && {
        to: { destination: outerAddresses(transmit).destination, ...(sentVni !== undefined && { vni: sentVni }) },
      }),
      ...(place && { rule: place }),
      frame: keptWords(kind, bytes, length),
      bytes: Buffer.from(bytes).toString('hex'),
    };
  }
}

function headerVni(bytes: Uint8Array): number | undefined {
  return bytes.length < VXLAN_HEADER ? undefined : vxlanVni(bytes, 0);
}

/** What the kept bytes are. */
function keptWords(kind: number, bytes: Uint8Array, length: number): string {
  if (kind === FrameKind.NONE) return 'no bytes are known';
  if (kind === FrameKind.FRAME) return frameWords(bytes, length);
  if (length < VXLAN_HEADER + ETH_HEADER) return `UDP payload of ${length} bytes`;
  return `in a UDP payload of ${length} bytes: ${frameWords(bytes.subarray(VXLAN_HEADER), length - VXLAN_HEADER)}`;
}
