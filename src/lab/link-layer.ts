import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_RAW,
} from '../observe/captures/capture-reader.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER, ETH_TYPE } from '../wire/ethernet.js';
import { isVlanType, VLAN_TAG, VLAN_TYPE } from '../wire/vlan.js';

/** Bytes of the headers that Linux gives packets of the interface `any`, and where their EtherType stands. */
const SLL = { bytes: 16, type: 14 };
const SLL2 = { bytes: 20, type: 0 };

/** The IP packet in a captured one; undefined where there is none. Its bytes are the capture's. */
export function ipPacketIn(linkType: number, bytes: Uint8Array): Uint8Array | undefined {
  switch (linkType) {
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return bytes;
    case LINKTYPE_LINUX_SLL:
      return behindTags(bytes, SLL.type, SLL.bytes);
    case LINKTYPE_LINUX_SLL2:
      return behindTags(bytes, SLL2.type, SLL2.bytes);
    case LINKTYPE_ETHERNET:
      return behindTags(bytes, ETH_TYPE, ETH_HEADER);
    default:
      return undefined;
  }
}

/** `typeAt`: where the EtherType stands; `header`: bytes before what it speaks of. */
function behindTags(bytes: Uint8Array, typeAt: number, header: number): Uint8Array | undefined {
  let at = header;
  let type = typeOf(bytes, typeAt);
  while (isVlanType(type) && bytes.length >= at + VLAN_TAG) {
    type = typeOf(bytes, at + VLAN_TYPE);
    at += VLAN_TAG;
  }
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? bytes.subarray(at) : undefined;
}

function typeOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
