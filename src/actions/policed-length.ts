import { GSO_NONE, type PacketIndex, type Packets } from '../memory/packets.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { AT_INGRESS } from './outlet.js';
import { tagBytes } from './tag-bytes.js';

/**
 * What police compares with its mtu (tcf_police_mtu_check): bytes with the Ethernet header, of a super-frame those of a
 * segment. At `hook` the packet counts as `bytes`.
 */
export function policedLength(packets: Packets, packet: PacketIndex, hook: number, bytes: number): number {
  if (packets.gsoType[packet] !== GSO_NONE)
    return packets.payload[packet] + packets.gsoSize[packet] - tagBytes(packets, packet);
  return hook === AT_INGRESS ? bytes + ETH_HEADER : bytes;
}
