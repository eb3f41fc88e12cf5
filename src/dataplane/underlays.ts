/** The open underlays, whose their datagrams are, and through which of them devices send. */
import type { Underlay } from '../io/device.js';
import { type Counters, DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import type { Demultiplexer } from './demultiplexer.js';
import type { Transmitter } from './transmit.js';

export class Underlays {
  private readonly batch: ReceivedDatagrams;
  private readonly counters: Counters;
  private readonly demultiplexer: Demultiplexer;
  private readonly transmitter: Transmitter;
  private readonly underlays: (Underlay | null)[] = new Array(MAX_DEVICES).fill(null);

  /** `batch`: where `receive` puts what comes. */
  constructor(batch: ReceivedDatagrams, counters: Counters, demultiplexer: Demultiplexer, transmitter: Transmitter) {
    this.batch = batch;
    this.counters = counters;
    this.demultiplexer = demultiplexer;
    this.transmitter = transmitter;
  }

  /** An underlay of one device: everything that it receives is the device's, and the device sends through it. */
  set(device: number, underlay: Underlay | null): void {
    this.open(device, underlay);
    this.demultiplexer.giveAll(device, device);
    this.use(device, underlay === null ? -1 : device);
  }

  /** An underlay by a number below MAX_DEVICES; null: it is closed. */
  open(number: number, underlay: Underlay | null): void {
    const before = this.underlays[number];
    if (before !== null) this.transmitter.forgetUnderlay(before);
    this.underlays[number] = underlay;
  }

  /**
   * Whose an underlay's datagrams are: `owner`'s, or where `takers` are given (TAKER_WORDS words each) theirs by VNI.
   * The owner counts what is nobody's.
   */
  serve(number: number, owner: number, takers: Int32Array | undefined): void {
    if (takers === undefined) this.demultiplexer.giveAll(number, owner);
    else this.demultiplexer.share(number, owner, takers);
  }

  /** Through which underlay a device sends; -1: none, it is down. */
  use(device: number, number: number): void {
    this.transmitter.setUnderlay(device, number < 0 ? null : this.underlays[number]);
  }

  /** Receives a batch from descriptor `which` of an underlay. Returns messages, or -errno. */
  receive(number: number, which: number): number {
    const underlay = this.underlays[number];
    if (underlay === null) return 0;
    const { batch, counters } = this;
    const received = underlay.receive(which, batch);
    counters.work(WorkCounter.RECEIVE_CALLS, 1);
    if (received < 0) {
      counters.reason(this.demultiplexer.owner(number), REASON['receive-error'], 1);
      return received;
    }
    if (batch.overflow > 0) this.countOverflow(number, batch.overflow);
    if (received > 0) counters.work(WorkCounter.RECEIVED_MESSAGES, received);
    return received;
  }

  /** How much of what receive queues have lost is counted, by descriptor. */
  dropsTold(): (readonly [fd: number, count: number])[] {
    return this.underlays.flatMap((underlay) => underlay?.dropsTold?.() ?? []);
  }

  /** Counts what the receive queues have lost up to now. */
  countOverflows(): void {
    this.underlays.forEach((underlay, number) => {
      const lost = underlay === null ? 0 : underlay.takeOverflow();
      if (lost > 0) this.countOverflow(number, lost);
    });
  }

  private countOverflow(number: number, lost: number): void {
    const device = this.demultiplexer.owner(number);
    this.counters.device(device, DeviceCounter.RX_DROPPED, lost);
    this.counters.reason(device, REASON['socket-overflow'], lost);
  }
}
