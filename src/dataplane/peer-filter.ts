/** Who may send to which device (`--strict-peers`): a table for each, and nobody where there is none. */
import { MAX_DEVICES } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { PEER_KNOWN, PEER_UNKNOWN, peerVerdict, peerWords } from './peer-table.js';

const NOBODY = peerWords([], undefined);
/** No reason to drop. */
export const ADMITTED = -1;

export class PeerFilter {
  /** Off, everybody may. */
  isOn = false;
  private readonly tables: Int32Array[] = new Array(MAX_DEVICES).fill(NOBODY);

  /** Another table (peer-table.ts) for a device; absent: nobody. */
  use(device: number, words: Int32Array | undefined): void {
    this.tables[device] = words ?? NOBODY;
  }

  /** The reason to drop what came under the received record at word `at` of `tunnels`, or ADMITTED. */
  refusal(device: number, tunnels: Int32Array, at: number): number {
    const verdict = peerVerdict(this.tables[device], tunnels, at);
    if (verdict === PEER_KNOWN) return ADMITTED;
    return verdict === PEER_UNKNOWN ? REASON['unknown-peer'] : REASON['other-destination'];
  }
}
