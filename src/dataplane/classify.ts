import { DEFER_LIMIT, DEFERRED, type DeferredFrames } from '../actions/deferred.js';
import type { Executor } from '../actions/execute.js';
import { AT_EGRESS, AT_INGRESS, type Outlet } from '../actions/outlet.js';
import { Verdict } from '../actions/program.js';
import type { Lookup } from '../classifier/classifier.js';
import { KeyWord } from '../classifier/flow-key.js';
import { DeviceKind, type DeviceTable, VxlanMode } from '../devices/device-table.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import { BARE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { frameProtocol } from '../wire/ethernet.js';
import { Deferral } from './deferral.js';
import { egressBytes, ingressBytes } from './hook-bytes.js';
import type { MirrorTaps } from './mirror-taps.js';
import { PacketKey } from './packet-key.js';
import { type OutputQueues, TO_PORT, TO_TUNNEL } from './queues.js';

/** Times that `goto chain` and `reclassify` are followed together (max_reclassify_loop in net/sched/cls_api.c). */
const RECLASSIFY_LIMIT = 16;

/** What the filters of a hook made of a packet. */
const UNMATCHED = 0;
const PASSED = 1;
/** It has gone elsewhere, or was dropped: the hook has no more to do with it. */
const GONE = 2;
const DROPPED = 3;

/**
 * A frame's way through the hooks of devices: dissect, look up, act, until a verdict stands; then into a queue or a
 * counter. At the ingress what the filters leave alone goes to the host's stack at a vxlan device; a TAP port has
 * none. At the egress it leaves: into the tunnel, or to the host.
 *
 * A run of actions may send the frame, or a copy, through the hooks of other devices, before it goes on itself. The
 * flow key (packet-key.ts) may be another packet's then.
 */
export class Hooks implements Outlet {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly queues: OutputQueues;
  private readonly receivedTunnels: Int32Array;
  private executor: Executor | undefined;
  private mirrors: MirrorTaps | undefined;
  /** By device: the filters of what comes in, and of what leaves. */
  private readonly ingress: (Lookup | null)[] = new Array(MAX_DEVICES).fill(null);
  private readonly egress: (Lookup | null)[] = new Array(MAX_DEVICES).fill(null);
  readonly key: PacketKey;
  /** Frames that wait for actions of the program that embeds vtep. */
  readonly deferral = new Deferral();

  constructor(
    arena: Arena,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    queues: OutputQueues,
    receivedTunnels: Int32Array,
  ) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.queues = queues;
    this.receivedTunnels = receivedTunnels;
    this.key = new PacketKey(arena, packets, receivedTunnels);
  }

  /** Who runs the actions: it sends frames through these hooks in its turn. */
  setExecutor(executor: Executor): void {
    this.executor = executor;
  }

  /** Who knows the TAPs of mirror receivers. */
  setMirrors(mirrors: MirrorTaps): void {
    this.mirrors = mirrors;
  }

  /** Puts the filters of a hook in force; null: the device has no such hook. */
  use(device: number, hook: number, lookup: Lookup | null): void {
    if (hook === AT_INGRESS) this.ingress[device] = lookup;
    else this.egress[device] = lookup;
  }

  /** Whether a device has such a hook. */
  has(device: number, hook: number): boolean {
    return (hook === AT_INGRESS ? this.ingress[device] : this.egress[device]) !== null;
  }

  refresh(packet: PacketIndex): void {
    this.key.dissect(packet);
  }

  protocol(packet: PacketIndex): number {
    this.key.ensure(packet);
    return this.key.words[KeyWord.IP_PROTO];
  }

  refusal(device: number): number {
    if (this.devices.kind(device) === DeviceKind.NONE) return REASON['mirred-gone'];
    return this.devices.isUp(device) ? 0 : REASON['mirred-down'];
  }

  forward(packet: PacketIndex, hook: number, device: number, toHook: number): boolean {
    const { packets } = this;
    if (toHook === AT_EGRESS) {
      // What only passes through has come in on the device that it was at.
      return this.send(packet, device, this.devices.ifindex(packets.device[packet]));
    }
    // From an egress the kernel takes the metadata away, which was for the device that the frame does not go to.
    if (hook === AT_EGRESS) packets.flags[packet] &= ~(TUNNEL_RECEIVED | TUNNEL_TRANSMIT);
    packets.device[packet] = device;
    return this.decide(packet);
  }

  /** Decides over a dissected packet that has come in on `packets.device`. False where the filters dropped it. */
  decide(packet: PacketIndex): boolean {
    const device = this.packets.device[packet];
    const lookup = this.ingress[device];
    let outcome = UNMATCHED;
    if (lookup !== null) {
      const bytes = ingressBytes(this.packets, packet);
      this.countHook(packet, device, bytes);
      if (!lookup.empty) {
        outcome = this.classify(packet, device, lookup, AT_INGRESS, this.devices.ifindex(device), bytes);
      }
    }
    return this.settleIngress(packet, device, outcome);
  }

  private settleIngress(packet: PacketIndex, device: number, outcome: number): boolean {
    if (outcome === UNMATCHED) this.leave(packet, device, REASON.unmatched, REASON['tap-unmatched']);
    else if (outcome === PASSED) this.leave(packet, device, REASON['action-pass'], REASON['tap-pass']);
    else if (outcome === DROPPED) this.counters.device(device, DeviceCounter.HOOK_DROPS, 1);
    return outcome !== DROPPED;
  }

  /**
   * Sends a dissected packet on a device, through the filters of its egress. `indev` is the ifindex of the device that
   * it came in on; 0: none. False where the filters dropped it.
   */
  send(packet: PacketIndex, device: number, indev: number): boolean {
    const { packets } = this;
    packets.device[packet] = device;
    const lookup = this.egress[device];
    if (lookup !== null) {
      const bytes = egressBytes(packets, packet);
      this.countHook(packet, device, bytes);
      if (!lookup.empty) {
        const outcome = this.classify(packet, device, lookup, AT_EGRESS, indev, bytes);
        return this.settleEgress(packet, device, outcome);
      }
    }
    return this.settleEgress(packet, device, UNMATCHED);
  }

  private settleEgress(packet: PacketIndex, device: number, outcome: number): boolean {
    const { packets, counters } = this;
    if (outcome === GONE) return true;
    if (outcome === DROPPED) {
      counters.device(device, DeviceCounter.HOOK_DROPS, 1);
      counters.device(device, DeviceCounter.TX_DROPPED, packets.segments(packet));
      return false;
    }
    if ((packets.flags[packet] & BARE) !== 0) {
      const segments = packets.segments(packet);
      counters.device(device, DeviceCounter.TX_DROPPED, segments);
      counters.reason(device, REASON['no-ethernet-header'], segments, packet);
      return false;
    }
    this.queues.append(device, this.devices.kind(device) === DeviceKind.VXLAN ? TO_TUNNEL : TO_PORT, packet);
    return true;
  }

  /**
   * Looks up and acts until a verdict stands. What was dropped has its reason counted, but for the hook's own drops.
   * Where it begins in the midst is for a frame that has waited (`resume`). Kept small: what it calls is inlined then.
   */
  private classify(
    packet: PacketIndex,
    device: number,
    lookup: Lookup,
    hook: number,
    indev: number,
    bytes: number,
    chain = 0,
    position = 0,
    loops = 0,
    times = 0,
  ): number {
    const { executor, key, packets, counters } = this;
    if (executor === undefined) return UNMATCHED;
    executor.beginHook();
    for (;;) {
      key.ensure(packet);
      key.words[KeyWord.INDEV] = indev;
      key.loadTunnel(packet);
      const protocol = frameProtocol(this.bytes, packets.frame[packet], packets.length[packet]);
      const rule = lookup.find(key.words, 0, chain, protocol, position);
      counters.work(WorkCounter.LOOKUPS, 1);
      counters.work(WorkCounter.PROBES, lookup.probes);
      if (rule < 0) return UNMATCHED;
      const next = lookup.nextPosition;
      const verdict = executor.run(packet, rule, hook, bytes);
      switch (verdict) {
        case Verdict.CONTINUE:
          position = next;
          break;
        case Verdict.RECLASSIFY:
        case Verdict.GOTO:
          if (++loops > RECLASSIFY_LIMIT) return this.refuseLoop(packet, device);
          chain = verdict === Verdict.GOTO ? executor.chain : 0;
          position = 0;
          break;
        case Verdict.STOLEN:
          return GONE;
        case DEFERRED:
          return this.defer(executor, packet, device, hook, indev, bytes, rule, next, chain, loops, times);
        default:
          return this.outcomeOf(verdict, packet, device);
      }
    }
  }

  private refuseLoop(packet: PacketIndex, device: number): number {
    this.counters.reason(device, REASON['chain-limit'], this.packets.segments(packet), packet);
    return DROPPED;
  }

  /** Of a verdict that stands. */
  private outcomeOf(verdict: number, packet: PacketIndex, device: number): number {
    if (verdict === Verdict.STOLEN) return GONE;
    if (verdict === Verdict.SHOT) return DROPPED;
    if (verdict !== Verdict.TRAP) return PASSED;
    // As for the kernel without a device to trap to: the frame is consumed.
    this.counters.reason(device, REASON['action-trap'], this.packets.segments(packet), packet);
    return GONE;
  }

  /** Sets a frame aside for an action that is called with many. */
  private defer(
    executor: Executor,
    packet: PacketIndex,
    device: number,
    hook: number,
    indev: number,
    bytes: number,
    rule: number,
    position: number,
    chain: number,
    loops: number,
    times: number,
  ): number {
    if (times === DEFER_LIMIT) return PASSED;
    if (!this.deferral.add(executor, packet, device, hook, indev, bytes, rule, position, chain, loops, times)) {
      this.counters.reason(device, REASON['batch-full'], this.packets.segments(packet), packet);
      return DROPPED;
    }
    return GONE;
  }

  /** Goes on with the frame of entry `n` of `frames`, which has waited, and whose rule has come to a verdict. */
  goOn(verdict: number, packet: PacketIndex, frames: DeferredFrames, n: number): void {
    const device = frames.device[n];
    const outcome = this.outcomeAgain(verdict, packet, device, frames, n);
    if (frames.hook[n] === AT_INGRESS) this.settleIngress(packet, device, outcome);
    else this.settleEgress(packet, device, outcome);
  }

  private outcomeAgain(
    verdict: number,
    packet: PacketIndex,
    device: number,
    frames: DeferredFrames,
    n: number,
  ): number {
    const { executor } = this;
    const { hook: hooks, indev: indevs, bytes: lengths, rule, position, chain, loops, times } = frames;
    const hook = hooks[n];
    const lookup = hook === AT_INGRESS ? this.ingress[device] : this.egress[device];
    if (executor === undefined || lookup === null) return UNMATCHED;
    const indev = indevs[n];
    const bytes = lengths[n];
    switch (verdict) {
      case Verdict.CONTINUE:
        return this.classify(packet, device, lookup, hook, indev, bytes, chain[n], position[n], loops[n], times[n]);
      case Verdict.RECLASSIFY:
      case Verdict.GOTO: {
        const again = loops[n] + 1;
        if (again > RECLASSIFY_LIMIT) return this.refuseLoop(packet, device);
        const to = verdict === Verdict.GOTO ? executor.chain : 0;
        return this.classify(packet, device, lookup, hook, indev, bytes, to, 0, again, times[n]);
      }
      case DEFERRED:
        return this.defer(
          executor,
          packet,
          device,
          hook,
          indev,
          bytes,
          rule[n],
          position[n],
          chain[n],
          loops[n],
          times[n],
        );
      default:
        return this.outcomeOf(verdict, packet, device);
    }
  }

  /** To the host's stack, which only a vxlan device has. */
  private leave(packet: PacketIndex, device: number, toStack: number, lost: number): void {
    const segments = this.packets.segments(packet);
    if (this.devices.kind(device) !== DeviceKind.VXLAN) {
      this.counters.reason(device, lost, segments, packet);
    } else if ((this.packets.flags[packet] & BARE) !== 0) {
      this.counters.device(device, DeviceCounter.RX_DROPPED, segments);
      this.counters.reason(device, REASON['no-ethernet-header'], segments, packet);
    } else if ((this.devices.vxlanMode(device) & VxlanMode.MIRROR) !== 0) {
      this.leaveMirrored(packet, device);
    } else {
      this.counters.reason(device, toStack, segments, packet);
      this.queues.append(device, TO_PORT, packet);
    }
  }

  /** To the TAP of its VNI, through the egress filters there; what filters took the metadata from to the device's own. */
  private leaveMirrored(packet: PacketIndex, device: number): void {
    const { packets, mirrors } = this;
    const hasTaps = (this.devices.vxlanMode(device) & VxlanMode.TAPS) !== 0;
    if (!hasTaps || mirrors === undefined || (packets.flags[packet] & TUNNEL_RECEIVED) === 0) {
      this.queues.append(device, TO_PORT, packet);
      return;
    }
    const vni = this.receivedTunnels[packets.tunnel[packet] * TUNNEL_WORDS + TunnelWord.VNI];
    const tap = mirrors.find(device, vni);
    if (tap < 0) mirrors.miss(packet, device, vni);
    else this.send(packet, tap, this.devices.ifindex(device));
  }

  private countHook(packet: PacketIndex, device: number, bytes: number): void {
    this.counters.device(device, DeviceCounter.HOOK_PACKETS, this.packets.segments(packet));
    this.counters.device(device, DeviceCounter.HOOK_BYTES, bytes);
  }
}
