/** EtherTypes (IEEE 802 numbers; names after include/uapi/linux/if_ether.h without their prefix). Host order. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_RARP = 0x8035;
/** IEEE 802.1Q, the customer tag. */
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
/** IEEE 802.1ad, the service tag. */
export const ETHERTYPE_QINQ = 0x88a8;

/** Type fields below this are lengths of IEEE 802.3 frames. */
export const ETHERTYPE_MIN = 0x0600;
/** What the kernel calls a frame with a length field whose payload starts with 0xffff (ETH_P_802_3). */
export const ETHERTYPE_802_3 = 0x0001;
/** What the kernel calls every other frame with a length field (ETH_P_802_2). */
export const ETHERTYPE_802_2 = 0x0004;
