import { DeviceKind, type DeviceTable } from '../devices/device-table.js';
import type { FramePort } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, MAX_DEVICES, SizeHistogram, WorkCounter } from '../memory/counters.js';
import { NONE, type PacketIndex, type Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { FrameVector } from '../memory/vectors.js';
import type { Coalescer } from '../offload/coalesce.js';
import { NO_COALESCING } from '../offload/offloads.js';
import { hostReason, portReason } from './send-reasons.js';
import { WrittenPorts } from './written-ports.js';

/** Writes what goes to the host: a queue's frames, merged as far as the device's port takes merged ones. */
export class PortWriter {
  /** Whoever looks at it resets it. */
  readonly written = new WrittenPorts();
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly coalescer: Coalescer;
  private readonly frames: FrameVector;
  private readonly ports: (FramePort | null)[] = new Array(MAX_DEVICES).fill(null);
  private readonly offloads = new Int32Array(MAX_DEVICES);
  /** Offload bits for every port: NO_COALESCING, or none. */
  private mode = 0;

  constructor(arena: Arena, packets: Packets, devices: DeviceTable, counters: Counters, coalescer: Coalescer) {
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.coalescer = coalescer;
    this.frames = new FrameVector(arena, packets.capacity);
  }

  setCoalescing(on: boolean): void {
    this.mode = on ? 0 : NO_COALESCING;
  }

  setPort(device: number, port: FramePort | null, offloads: number): void {
    this.ports[device] = port;
    this.offloads[device] = offloads;
  }

  /** Writes the packets of a queue, `first` and those behind it, to a device's port; counts what it did not take. */
  write(device: number, first: PacketIndex): void {
    const port = this.ports[device];
    if (port === null) {
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex)
        this.drop(device, REASON['tap-gone'], this.packets.segments(i), i);
      return;
    }
    let rest = first;
    do {
      this.frames.reset();
      const { coalescer } = this;
      rest = coalescer.run(rest, this.devices.mtu(device), this.offloads[device] | this.mode, this.frames);
      const { badSuperFrames, tooManySegments } = coalescer;
      if (badSuperFrames > 0) this.drop(device, REASON['bad-super-frame'], badSuperFrames);
      if (tooManySegments > 0) this.drop(device, REASON['too-many-segments'], tooManySegments);
      this.writeVector(device, port);
    } while (rest !== NONE);
  }

  private writeVector(device: number, port: FramePort): void {
    const vector = this.frames;
    port.write(vector);
    this.written.mark(device);
    const counters = this.counters;
    const toStack = this.devices.kind(device) === DeviceKind.VXLAN;
    counters.work(WorkCounter.TAP_WRITES, vector.count);
    for (let f = 0; f < vector.count; f++) {
      if (vector.errno[f] !== 0) {
        const toHost = this.devices.kind(device) === DeviceKind.HOST;
        const errno = vector.errno[f];
        const reason = errno < 0 ? -errno : toHost ? hostReason(errno) : portReason(errno);
        counters.witness?.written(vector, f);
        this.drop(device, reason, vector.segments[f]);
        counters.witness?.nothing();
        continue;
      }
      counters.work(WorkCounter.TAP_FRAMES_WRITTEN, vector.segments[f]);
      counters.size(SizeHistogram.WRITTEN_SEGMENTS, vector.segments[f]);
      if (toStack) continue;
      counters.device(device, DeviceCounter.TX_PACKETS, vector.segments[f]);
      counters.device(device, DeviceCounter.TX_BYTES, vector.bytes[f]);
    }
  }

  /** What a vxlan device gives to its stack is still receive there, as what gro_cells drops in the kernel. */
  private drop(device: number, reason: number, packets: number, packet: PacketIndex = NONE): void {
    const toStack = this.devices.kind(device) === DeviceKind.VXLAN;
    this.counters.device(device, toStack ? DeviceCounter.RX_DROPPED : DeviceCounter.TX_DROPPED, packets);
    this.counters.reason(device, reason, packets, packet);
  }
}
