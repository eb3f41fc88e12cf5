/** A neighbour of the host, as rtnetlink tells of it. */
import { NDA_DST, NDA_LLADDR } from '../../native/netlink-constants.js';
import { Ndmsg } from '../../native/structs.js';
import { readAttributes } from './message.js';

/** States that count as known: NUD_PERMANENT, NUD_NOARP and NUD_REACHABLE (NUD_CONNECTED in net/neighbour.h). */
const NUD_CONNECTED = 0x80 | 0x40 | 0x02;

export interface Neighbour {
  readonly ifindex: number;
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  /** Link-layer address; empty while it is being looked for. */
  readonly mac: Uint8Array;
  /** Whether the kernel believes in it now. */
  readonly isConnected: boolean;
}

/** Reads what follows the header of RTM_NEWNEIGH; undefined where it is of no use. */
export function readNeighbour(body: Uint8Array): Neighbour | undefined {
  if (body.length < Ndmsg.SIZE) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = readAttributes(body.subarray(Ndmsg.SIZE));
  const address = attributes.get(NDA_DST);
  if (address === undefined || (address.length !== 4 && address.length !== 16)) return undefined;
  return {
    ifindex: view.getInt32(Ndmsg.IFINDEX, true),
    address: Uint8Array.from(address),
    mac: Uint8Array.from(attributes.get(NDA_LLADDR) ?? []),
    isConnected: (view.getUint16(Ndmsg.STATE, true) & NUD_CONNECTED) !== 0,
  };
}
