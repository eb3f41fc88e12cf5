import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_KEY, TUNNEL_VXLAN_OPT, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

/** A header without a group policy. */
export const NO_POLICY = -1;

/**
 * The tunnel records of a batch, as the VXLAN headers complete them. A message has a record of its own; datagrams of a
 * bundle that differ in VNI or group policy get copies behind those of the messages.
 */
export class ReceivedRecords {
  private readonly batch: ReceivedDatagrams;
  /** The next free record, and the message that the last one taken copies. */
  private spare = 0;
  private spareOf = -1;

  constructor(batch: ReceivedDatagrams) {
    this.batch = batch;
  }

  /** The copies are free again. */
  begin(): void {
    this.spare = this.batch.capacity;
    this.spareOf = -1;
  }

  /** The number of the record of message `m` with this VNI and group policy. */
  of(m: number, vni: number, policy: number): number {
    const tunnels = this.batch.tunnels;
    const own = m * TUNNEL_WORDS;
    if ((tunnels[own + TunnelWord.FLAGS] & TUNNEL_KEY) === 0) {
      this.fill(own, vni, policy);
      return m;
    }
    if (this.isOf(own, vni, policy)) return m;
    const last = this.spare - 1;
    if (this.spareOf === m && this.isOf(last * TUNNEL_WORDS, vni, policy)) return last;
    const record = this.spare++;
    const to = record * TUNNEL_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) tunnels[to + w] = tunnels[own + w];
    this.fill(to, vni, policy);
    this.spareOf = m;
    return record;
  }

  private fill(at: number, vni: number, policy: number): void {
    const tunnels = this.batch.tunnels;
    const flags = (tunnels[at + TunnelWord.FLAGS] & ~TUNNEL_VXLAN_OPT) | TUNNEL_KEY;
    tunnels[at + TunnelWord.FLAGS] = policy === NO_POLICY ? flags : flags | TUNNEL_VXLAN_OPT;
    tunnels[at + TunnelWord.VNI] = vni;
    tunnels[at + TunnelWord.GBP] = policy === NO_POLICY ? 0 : policy;
  }

  private isOf(at: number, vni: number, policy: number): boolean {
    const tunnels = this.batch.tunnels;
    if (tunnels[at + TunnelWord.VNI] !== vni) return false;
    if ((tunnels[at + TunnelWord.FLAGS] & TUNNEL_VXLAN_OPT) === 0) return policy === NO_POLICY;
    return tunnels[at + TunnelWord.GBP] === policy;
  }
}
