import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from '../observe/captures/capture-reader.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER, ETH_TYPE } from '../wire/ethernet.js';
import { isVlanType, VLAN_TAG, VLAN_TYPE } from '../wire/vlan.js';

/** Bytes of the headers that Linux gives packets of the interface `any`, and where their EtherType stands. */
const SLL = { bytes: 16, type: 14 };
const SLL2 = { bytes: 20, type: 0 };

/** Bytes of the address family that BSD puts before packets of its loopback, in one byte order or the other. */
const FAMILY = 4;

/** Whether packets of a link type are understood. */
export function isKnownLink(linkType: number): boolean {
  return KNOWN.includes(linkType);
}

const KNOWN: readonly number[] = [
  LINKTYPE_NULL,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL2,
];

/** The IP packet in a captured one; undefined where there is none. Its bytes are the capture's. */
export function ipPacketIn(linkType: number, bytes: Uint8Array): Uint8Array | undefined {
  switch (linkType) {
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return bytes;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP: {
      // The packet says for itself what it is, where families have other numbers.
      const version = (bytes[FAMILY] ?? 0) >> 4;
      return version === 4 || version === 6 ? bytes.subarray(FAMILY) : undefined;
    }
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
