import { dissect } from '../classifier/dissect.js';
import { KEY_TUNNEL, KEY_WORDS } from '../classifier/flow-key.js';
import type { Arena } from '../memory/arena.js';
import { NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { TUNNEL_WORDS } from '../memory/tunnel.js';

/** What the key's tunnel words hold where it is no received record. */
const NO_TUNNEL = -1;
const OTHER_TUNNEL = -2;

/** The one flow key of a worker, and whose it is: whoever needs it for a packet makes sure that it is that packet's. */
export class PacketKey {
  /** KEY_WORDS words: those of the frame are the packet's dissected last, those of the tunnel the one's loaded last. */
  readonly words = new Int32Array(KEY_WORDS);
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly receivedTunnels: Int32Array;
  private transmitTunnels: Int32Array = new Int32Array(0);
  /** The packet dissected last. */
  private packet: PacketIndex = NONE;
  /** The received tunnel record that the key's enc_* words hold now; or NO_TUNNEL (they are zero), or OTHER_TUNNEL. */
  private tunnel = NO_TUNNEL;

  /** `receivedTunnels`: the records that packets with TUNNEL_RECEIVED refer to, TUNNEL_WORDS each. */
  constructor(arena: Arena, packets: Packets, receivedTunnels: Int32Array) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.receivedTunnels = receivedTunnels;
  }

  /** The tunnel_key set records of a new rule snapshot. */
  useTunnels(tunnels: Int32Array): void {
    this.transmitTunnels = tunnels;
  }

  /** A new receive batch: its tunnel records are other ones under the same numbers. */
  beginBatch(): void {
    this.forgetTunnel();
  }

  /** Fills the words of the frame, and the packet's layer columns. */
  dissect(packet: PacketIndex): void {
    dissect(this.bytes, this.packets.frame[packet], this.packets.length[packet], this.packets, packet, this.words, 0);
    this.packet = packet;
  }

  /** Dissects a packet that is not the one dissected last. */
  ensure(packet: PacketIndex): void {
    if (this.packet !== packet) this.dissect(packet);
  }

  /** The metadata that the packet has, received or set: flower looks at either (skb_flow_dissect_tunnel_info). */
  loadTunnel(packet: PacketIndex): void {
    const flags = this.packets.flags[packet];
    const tunnel = this.packets.tunnel[packet];
    if ((flags & TUNNEL_RECEIVED) !== 0) {
      if (tunnel === this.tunnel) return;
      this.copyTunnel(this.receivedTunnels, tunnel);
      this.tunnel = tunnel;
    } else if ((flags & TUNNEL_TRANSMIT) !== 0) {
      this.copyTunnel(this.transmitTunnels, tunnel);
      this.tunnel = OTHER_TUNNEL;
    } else {
      this.forgetTunnel();
    }
  }

  private copyTunnel(records: Int32Array, tunnel: number): void {
    const from = tunnel * TUNNEL_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) this.words[KEY_TUNNEL + w] = records[from + w];
  }

  private forgetTunnel(): void {
    if (this.tunnel === NO_TUNNEL) return;
    this.words.fill(0, KEY_TUNNEL, KEY_TUNNEL + TUNNEL_WORDS);
    this.tunnel = NO_TUNNEL;
  }
}
