/**
 * What the host sends on devices: read from their ports in batches, and sent on its way. The other way in than the
 * underlays' (decapsulate.ts).
 */
import { DeviceKind, type DeviceTable, VxlanMode } from '../devices/device-table.js';
import type { FramePort } from '../io/device.js';
import { type Counters, DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { HEADROOM, type Slots } from '../memory/received.js';
import type { Hooks } from './classify.js';
import type { PathMtus } from './path-mtu.js';

/** Frames read from a TAP before they are flushed. */
export const TAP_FRAMES = 64;
/**
 * Frames read from a TAP at a time: TAP_STEP, and as many again up to TAP_FRAMES while they are small, because what
 * leaves together costs less (io/udp/bundler.ts). Super-frames of 64 KB end a batch at the first step, so that
 * acknowledgements do not wait long for their turn.
 */
const TAP_STEP = 16;
const TAP_BYTES = 65536;
/**
 * Messages that the frames of one read may become before the next reads bring fewer: a broadcast frame becomes as many as
 * there are remotes, and others would wait for all of them.
 */
const TAP_MESSAGES = 1024;

export class HostFrames {
  private readonly packets: Packets;
  private readonly slots: Slots;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly hook: Hooks;
  private readonly paths: PathMtus;
  private readonly ports: (FramePort | null)[] = new Array(MAX_DEVICES).fill(null);
  /** What has been counted of each port's `short` and `malformed`, modulo 2^32. */
  private readonly shortSeen = new Int32Array(MAX_DEVICES);
  private readonly malformedSeen = new Int32Array(MAX_DEVICES);
  /** Frames that may be read from each port at once. */
  private readonly allowance = new Int32Array(MAX_DEVICES).fill(TAP_FRAMES);

  /** `slots`: TAP_FRAMES of them, which hold the frames of one batch. */
  constructor(packets: Packets, slots: Slots, devices: DeviceTable, counters: Counters, hook: Hooks, paths: PathMtus) {
    this.packets = packets;
    this.slots = slots;
    this.devices = devices;
    this.counters = counters;
    this.hook = hook;
    this.paths = paths;
  }

  /** The port of a device; null: it has none. */
  setPort(device: number, port: FramePort | null): void {
    this.ports[device] = port;
    this.shortSeen[device] = port === null ? 0 : port.short;
    this.malformedSeen[device] = port === null ? 0 : port.malformed;
  }

  /**
   * Reads a batch in the place of the packets that there were; what the port refused is counted. Returns the number of
   * frames, or -errno where there is not even one.
   */
  read(device: number): number {
    const port = this.ports[device];
    if (port === null) return 0;
    this.packets.reset();
    const read = this.readFrames(port, this.allowance[device]);
    this.countRefused(port, device);
    if (read > 0) this.counters.work(WorkCounter.TAP_FRAMES_READ, read);
    return read;
  }

  private readFrames(port: FramePort, most: number): number {
    const { packets } = this;
    let frames = 0;
    let bytes = 0;
    let step: number;
    do {
      const from = packets.count;
      step = port.read(packets, this.slots, frames, Math.min(TAP_STEP, most - frames));
      this.counters.work(WorkCounter.TAP_READS, 1);
      if (step <= 0) return frames > 0 ? frames : step;
      frames += step;
      for (let i = from; i < packets.count; i++) bytes += packets.length[i];
    } while (step === TAP_STEP && frames < most && bytes < TAP_BYTES);
    return frames;
  }

  /** Counts the frames that the port read and dropped. What the host sends on a vxlan device is transmit there. */
  private countRefused(port: FramePort, device: number): void {
    const short = (port.short - this.shortSeen[device]) | 0;
    const malformed = (port.malformed - this.malformedSeen[device]) | 0;
    if (short === 0 && malformed === 0) return;
    this.shortSeen[device] = port.short;
    this.malformedSeen[device] = port.malformed;
    const transmit = this.devices.kind(device) === DeviceKind.VXLAN;
    const counter = transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED;
    this.counters.device(device, counter, short + malformed);
    this.counters.reason(device, REASON['tap-read-short'], short);
    this.counters.reason(device, REASON['tap-read-malformed'], malformed);
  }

  /** Sends a frame that was read on its way through the filters of its device. */
  frame(packet: PacketIndex, device: number): void {
    this.packets.device[packet] = device;
    this.packets.headroom[packet] = HEADROOM;
    this.hook.key.dissect(packet);
    this.packets.fixSegments(packet);
    if ((this.devices.vxlanMode(device) & VxlanMode.MIRROR) !== 0) {
      this.refuse(packet, device);
      return;
    }
    this.paths.observe(packet, this.hook.key.words);
    // On a vxlan device this is its egress: into the tunnel with whatever metadata there is.
    if (this.devices.kind(device) === DeviceKind.VXLAN) {
      this.hook.send(packet, device, 0);
      return;
    }
    this.counters.device(device, DeviceCounter.RX_PACKETS, this.packets.segments(packet));
    this.counters.device(device, DeviceCounter.RX_BYTES, this.packets.length[packet]);
    this.hook.decide(packet);
  }

  /** Nothing goes back to where mirrored traffic comes from. */
  private refuse(packet: PacketIndex, device: number): void {
    const segments = this.packets.segments(packet);
    const transmit = this.devices.kind(device) === DeviceKind.VXLAN;
    this.counters.device(device, transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED, segments);
    this.counters.reason(device, REASON['mirror-receive-only'], segments, packet);
  }

  /** How many frames the next read may bring, where `read` of them became so many messages. */
  allow(device: number, read: number, messages: number): void {
    const fits = messages === 0 ? TAP_FRAMES : ((read * TAP_MESSAGES) / messages) | 0;
    this.allowance[device] = Math.max(1, Math.min(fits, this.allowance[device] * 2, TAP_FRAMES));
  }
}
