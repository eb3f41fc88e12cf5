/** An engine over fakes that sends, one sending after the other, each as if it were the first. */
import { Harness, programsOf, TAP0, VXLAN0 } from '../../src/dataplane/harness.test.helper.js';
import { VxlanMode } from '../../src/devices/device-table.js';
import { NTF_SELF, NUD_PERMANENT } from '../../src/devices/fdb-layout.js';
import { FdbRecords } from '../../src/devices/fdb-records.js';
import type { FramePort } from '../../src/io/device.js';
import { openHandover } from '../../src/io/handover/pair.js';
import { TapPort } from '../../src/io/tap/tap-port.js';
import type { Arena } from '../../src/memory/arena.js';
import type { Packets } from '../../src/memory/packets.js';
import { HEADROOM, type Slots } from '../../src/memory/received.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import type { FrameVector } from '../../src/memory/vectors.js';
import { must } from '../../src/native/errno.js';
import { write } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { GuardedSlots } from './guarded-slots.js';
import { readOf, type Sending, Way } from './sending.js';
import {
  ERRNOS,
  KNOWN_MAC,
  RECORDS,
  REMOTE_VNIS,
  RULE_SETS,
  type SendingModel,
  SIX,
  TOS_DEFAULTS,
  TTL_DEFAULTS,
  VNI,
} from './sending-model.js';
import type { Sent } from './sent-packets.js';
import { hold } from './target.js';
import { RecordingUnderlay, SocketUnderlay, WholeUnderlay } from './transmit-underlays.js';

/** Poisoned bytes behind the longest frame's end: whoever reads or writes too far does it there. */
const BEHIND = 2048;
const VIRTIO_BYTES = 12;
const HERE = Uint8Array.of(127, 0, 0, 1);
/** More than an ordinary user's receive queue holds goes another way than through sockets. */
const MOST_DATAGRAMS = 160;
const MOST_BYTES = 100_000;

export interface SendingOutcome {
  readonly reasons: Readonly<Record<string, number>>;
  /** Packets that tap0 has received, packets and bytes that vxlan0 has sent. */
  readonly received: number;
  readonly packets: number;
  readonly bytes: number;
  readonly sent: readonly Sent[];
  /** They came through sockets: each flow by itself in order, and what the host chose is told too. */
  readonly bySockets: boolean;
}

/** A TAP's queue over a socket pair, which is read as a TAP is, into poisoned slots. */
class TapSource implements FramePort {
  readonly fd = -1;
  readonly pending: Uint8Array[] = [];
  pattern = new Uint8Array(1);
  private readonly tap: TapPort;
  private readonly hostFd: number;
  private readonly guard: GuardedSlots;
  private readonly room = new NativeBuffer(1 << 17);

  /** `guard`: of the slots, which both TAPs share. */
  constructor(arena: Arena, guard: GuardedSlots) {
    const { sendFd, receiveFd } = openHandover(1 << 20);
    this.hostFd = sendFd;
    this.guard = guard;
    this.tap = new TapPort(arena, { readFd: receiveFd, writeFd: -1 });
  }

  get short(): number {
    return this.tap.short;
  }

  get malformed(): number {
    return this.tap.malformed;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    if (firstSlot === 0) this.poison(slots);
    let frames = 0;
    for (let n = 0; n < limit; n++) {
      const next = this.pending.shift();
      if (next === undefined) break;
      this.room.bytes.set(next);
      must(write(this.hostFd, this.room.address, next.length), 'write');
      const at = slots.data(firstSlot + frames) - VIRTIO_BYTES;
      this.guard.lend(at, Math.min(next.length, slots.size + VIRTIO_BYTES));
      const taken = this.tap.read(packets, slots, firstSlot + frames, 1);
      hold(taken >= 0, () => `a read failed with ${-taken}`);
      frames += taken;
    }
    return frames;
  }

  write(vector: FrameVector): void {
    hold(vector.count === 0, 'a frame was sent to the host');
  }

  check(): void {
    const at = this.guard.touched();
    hold(at < 0, `offset ${at} of the arena has changed, which no frame had been put to`);
  }

  private poison(slots: Slots): void {
    this.check();
    const longest = Math.max(0, ...this.pending.map(({ length }) => length));
    const regions = Array.from({ length: Math.min(slots.count - 1, this.pending.length) }, (_, n) => {
      const at = slots.data(n);
      return { from: at - HEADROOM, to: Math.min(at + longest + BEHIND, slots.data(n + 1) - HEADROOM) };
    });
    this.guard.poison(regions, this.pattern);
  }
}

export class TransmitBench {
  private readonly fdb = new FdbRecords();
  private readonly harness: Harness;
  private readonly tap: TapSource;
  private readonly face: TapSource;
  private readonly recording: RecordingUnderlay;
  private readonly whole: WholeUnderlay;
  private readonly sockets: SocketUnderlay | undefined;

  constructor() {
    this.harness = new Harness({ fdb: this.fdb.buffer });
    const { arena, engine } = this.harness;
    const guard = new GuardedSlots(arena);
    this.tap = new TapSource(arena, guard);
    this.face = new TapSource(arena, guard);
    engine.setPort(TAP0, this.tap, 0);
    engine.setPort(VXLAN0, this.face, 0);
    this.recording = new RecordingUnderlay(arena);
    this.whole = new WholeUnderlay(arena);
    try {
      this.sockets = new SocketUnderlay(arena);
    } catch {
      // No loopback here: nothing goes through sockets.
    }
    const defaults = new Int32Array(TUNNEL_WORDS);
    defaults[TunnelWord.FLAGS] = TUNNEL_KEY | TUNNEL_CSUM;
    defaults[TunnelWord.VNI] = VNI;
    this.fdb.setDevice(VXLAN0, 0, defaults);
    this.entry(KNOWN_MAC, REMOTE_VNIS.known);
    this.entry(new Uint8Array(6), REMOTE_VNIS.all);
    this.fdb.setOpen(VXLAN0, true);
  }

  /** Sends amid `poison`; `model` only tells whether sockets would hold it. */
  run(sending: Sending, model: SendingModel, poison: Uint8Array): SendingOutcome {
    const { harness } = this;
    const { engine, devices } = harness;
    this.use(sending);
    const underlay = this.underlayFor(sending, model);
    underlay.sent.splice(0);
    if (underlay === this.recording) {
      const [errno = 0] = ERRNOS[sending.errno] ?? [];
      this.recording.begin(sending.way === Way.REFUSED ? sending.every : 0, errno);
    }
    engine.underlays.set(VXLAN0, underlay);
    const source = sending.classic ? this.face : this.tap;
    source.pattern = Uint8Array.from(poison);
    source.pending.push(...sending.frames.map(readOf));
    const before = this.counts();
    try {
      while (source.pending.length > 0) engine.servicePort(sending.classic ? VXLAN0 : TAP0);
      source.check();
      const bySockets = underlay === this.sockets;
      return { ...this.outcome(before), sent: [...underlay.sent], bySockets };
    } finally {
      source.pending.splice(0);
      devices.setVxlan(VXLAN0, 0, 0);
    }
  }

  private use(sending: Sending): void {
    const { harness } = this;
    const { devices } = harness;
    const set = sending.classic ? [] : (RULE_SETS[sending.rules % RULE_SETS.length] ?? []);
    const rules = set.map((rule, n) => ({ ...rule, pref: n + 1 }));
    harness.use(rules, RECORDS);
    const programs = programsOf(rules, RECORDS);
    // ::1 is more than a named word.
    programs.tunnels[SIX * TUNNEL_WORDS + TunnelWord.DST_IP + 3] = 1;
    harness.engine.usePrograms(programs);
    devices.setVxlan(VXLAN0, sending.classic ? VxlanMode.CLASSIC : 0, sending.classic ? VNI : 0);
    devices.setHeaders(VXLAN0, {
      ...{ tos: TOS_DEFAULTS[sending.tos] ?? 0, ttl: TTL_DEFAULTS[sending.ttl] ?? 0, df: sending.df % 3, flowLabel: 0 },
      ...{ extensions: (sending.gbp ? 1 : 0) | (sending.gpe ? 2 : 0), port: 0, reservedHigh: 0, reservedLow: 0 },
    });
  }

  private underlayFor(sending: Sending, model: SendingModel): RecordingUnderlay | WholeUnderlay | SocketUnderlay {
    const { sockets } = this;
    if (sending.way === Way.WHOLE) return this.whole;
    if (sending.way !== Way.SOCKETS || sockets === undefined) return this.recording;
    const count = model.due.reduce((sum, due) => sum + due.count, 0);
    const bytes = model.due.reduce((sum, due) => sum + due.bytes, 0);
    const carried = model.due.every(({ outer }) => sockets.carries(outer.family));
    return carried && count <= MOST_DATAGRAMS && bytes <= MOST_BYTES ? sockets : this.recording;
  }

  private entry(mac: Uint8Array, vnis: readonly number[]): void {
    const key = { device: VXLAN0, mac, vni: VNI };
    const remote = (vni: number) => ({ address: HERE, port: 0, vni, ifindex: 0 });
    this.fdb.insert(key, NUD_PERMANENT, NTF_SELF, remote(vnis[0] ?? 0));
    for (const vni of vnis.slice(1)) this.fdb.append(key, remote(vni));
  }

  private counts(): { reasons: Partial<Record<string, number>>; numbers: number[] } {
    const { harness } = this;
    return {
      reasons: sums(harness.reasons(VXLAN0), harness.reasons(TAP0)),
      numbers: [
        harness.device(TAP0, 'RX_PACKETS'),
        harness.device(VXLAN0, 'TX_PACKETS'),
        harness.device(VXLAN0, 'TX_BYTES'),
      ],
    };
  }

  private outcome(before: ReturnType<TransmitBench['counts']>) {
    const now = this.counts();
    const reasons: Record<string, number> = {};
    for (const [name, value = 0] of Object.entries(now.reasons)) {
      const by = value - (before.reasons[name] ?? 0);
      if (by !== 0) reasons[name] = by;
    }
    const [received = 0, packets = 0, bytes = 0] = now.numbers.map((value, n) => value - (before.numbers[n] ?? 0));
    return { reasons, received, packets, bytes };
  }
}

function sums(...counts: readonly Partial<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const each of counts) for (const [name, value = 0] of Object.entries(each)) all[name] = (all[name] ?? 0) + value;
  return all;
}
