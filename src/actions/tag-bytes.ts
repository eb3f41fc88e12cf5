import { type PacketIndex, type Packets, SHAPE_VLAN } from '../memory/packets.js';
import { VLAN_TAG } from '../wire/vlan.js';

/**
 * Bytes of a dissected packet that no statistics count: those of its first tag, which the kernel keeps beside the frame
 * (skb_vlan_untag), not within it.
 */
export function tagBytes(packets: Packets, packet: PacketIndex): number {
  return (packets.shape[packet] & SHAPE_VLAN) === 0 ? 0 : VLAN_TAG;
}
