import type { Executor } from '../actions/execute.js';
import { Verdict } from '../actions/program.js';
import type { Lookup } from '../classifier/classifier.js';
import { dissect } from '../classifier/dissect.js';
import { KEY_TUNNEL, KEY_WORDS, KeyWord } from '../classifier/flow-key.js';
import { DeviceKind, type DeviceTable } from '../devices/device-table.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import { type PacketIndex, type Packets, TUNNEL_RECEIVED } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS } from '../memory/tunnel.js';
import { ETH_HEADER, frameProtocol } from '../wire/ethernet.js';
import { type OutputQueues, TO_PORT } from './queues.js';

/** Times that `goto chain` and `reclassify` are followed together (max_reclassify_loop in net/sched/cls_api.c). */
const RECLASSIFY_LIMIT = 16;

/**
 * A frame's way through the ingress hook of its device: dissect, look up, act, until a verdict stands; then into a
 * queue or a counter. What the filters leave alone goes to the host's stack at a vxlan device; a TAP port has none.
 */
export class IngressHook {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly executor: Executor;
  private readonly queues: OutputQueues;
  private readonly receivedTunnels: Int32Array;
  private readonly lookups: (Lookup | null)[] = new Array(MAX_DEVICES).fill(null);
  /** Flow key of the packet dissected last. */
  readonly key = new Int32Array(KEY_WORDS);
  /** The received tunnel record that the key's enc_* words hold now; -1: they are zero. */
  private keyTunnel = -1;

  constructor(
    arena: Arena,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    executor: Executor,
    queues: OutputQueues,
    receivedTunnels: Int32Array,
  ) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.executor = executor;
    this.queues = queues;
    this.receivedTunnels = receivedTunnels;
  }

  /** Puts the filters of a device in force; null: it has no hook. */
  use(device: number, lookup: Lookup | null): void {
    this.lookups[device] = lookup;
  }

  /** A new receive batch: its tunnel records are other ones under the same numbers. */
  beginBatch(): void {
    this.forgetTunnel();
  }

  /** Fills the flow key of a packet that has come in on `packets.device`, and the packet's layer columns. */
  dissect(packet: PacketIndex): void {
    dissect(this.bytes, this.packets.frame[packet], this.packets.length[packet], this.packets, packet, this.key, 0);
  }

  /** Decides over the packet dissected last. */
  decide(packet: PacketIndex): void {
    const device = this.packets.device[packet];
    const lookup = this.lookups[device];
    if (lookup !== null) this.countHook(packet, device);
    if (lookup === null || lookup.empty) {
      this.leave(packet, device, REASON.unmatched, REASON['tap-unmatched']);
      return;
    }
    const key = this.key;
    key[KeyWord.INDEV] = this.devices.ifindex(device);
    this.loadTunnel(packet);
    const protocol = frameProtocol(this.bytes, this.packets.frame[packet], this.packets.length[packet]);
    let chain = 0;
    let position = 0;
    let loops = 0;
    for (;;) {
      const rule = lookup.find(key, 0, chain, protocol, position);
      this.counters.work(WorkCounter.LOOKUPS, 1);
      this.counters.work(WorkCounter.PROBES, lookup.probes);
      if (rule < 0) {
        this.leave(packet, device, REASON.unmatched, REASON['tap-unmatched']);
        return;
      }
      const next = lookup.nextPosition;
      const verdict = this.executor.run(packet, rule);
      switch (verdict) {
        case Verdict.CONTINUE:
          position = next;
          break;
        case Verdict.RECLASSIFY:
        case Verdict.GOTO:
          chain = verdict === Verdict.GOTO ? this.executor.chain : 0;
          position = 0;
          if (++loops > RECLASSIFY_LIMIT) {
            this.counters.reason(device, REASON['chain-limit'], this.packets.segments(packet));
            this.counters.device(device, DeviceCounter.HOOK_DROPS, 1);
            return;
          }
          break;
        case Verdict.STOLEN:
          return;
        case Verdict.SHOT:
          this.counters.device(device, DeviceCounter.HOOK_DROPS, 1);
          return;
        case Verdict.TRAP:
          // As for the kernel without a device to trap to: the frame is consumed.
          this.counters.reason(device, REASON['action-trap'], this.packets.segments(packet));
          return;
        default:
          this.leave(packet, device, REASON['action-pass'], REASON['tap-pass']);
          return;
      }
      this.loadTunnel(packet);
    }
  }

  /** To the host's stack, which only a vxlan device has. */
  private leave(packet: PacketIndex, device: number, toStack: number, lost: number): void {
    const segments = this.packets.segments(packet);
    if (this.devices.kind(device) === DeviceKind.VXLAN) {
      this.counters.reason(device, toStack, segments);
      this.queues.append(device, TO_PORT, packet);
    } else {
      this.counters.reason(device, lost, segments);
    }
  }

  private countHook(packet: PacketIndex, device: number): void {
    this.counters.device(device, DeviceCounter.HOOK_PACKETS, this.packets.segments(packet));
    this.counters.device(device, DeviceCounter.HOOK_BYTES, this.packets.length[packet] - ETH_HEADER);
  }

  private loadTunnel(packet: PacketIndex): void {
    if ((this.packets.flags[packet] & TUNNEL_RECEIVED) === 0) {
      this.forgetTunnel();
      return;
    }
    const tunnel = this.packets.tunnel[packet];
    if (tunnel === this.keyTunnel) return;
    const from = tunnel * TUNNEL_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) this.key[KEY_TUNNEL + w] = this.receivedTunnels[from + w];
    this.keyTunnel = tunnel;
  }

  private forgetTunnel(): void {
    if (this.keyTunnel === -1) return;
    this.key.fill(0, KEY_TUNNEL, KEY_TUNNEL + TUNNEL_WORDS);
    this.keyTunnel = -1;
  }
}
