import {
  DF_INHERIT,
  DF_SET,
  DF_UNSET,
  EXTENSION_GBP,
  EXTENSION_GPE,
  type HeaderDefaults,
  INHERIT,
  LOCAL_BYPASS,
} from '../devices/device-table.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { VXLAN_RESERVED_HIGH, VXLAN_RESERVED_LOW } from '../wire/vxlan.js';
import { GBP_USED, GPE_USED } from '../wire/vxlan-extensions.js';

/** What a vxlan device's options say of its headers, as the workers read it. */
export function vxlanHeaders(options: VxlanOptions): HeaderDefaults {
  const { tos = 0, ttl = 0, df, flowlabel = 0, gbp = false, gpe = false, localbypass = true } = options;
  return {
    tos: tos === 'inherit' ? INHERIT : tos,
    ttl: ttl === 'inherit' ? INHERIT : ttl,
    df: df === 'set' ? DF_SET : df === 'inherit' ? DF_INHERIT : DF_UNSET,
    flowLabel: flowlabel,
    port: options.dstport,
    extensions: (gbp ? EXTENSION_GBP : 0) | (gpe ? EXTENSION_GPE : 0) | (localbypass ? LOCAL_BYPASS : 0),
    ...reservedBits(options),
  };
}

/** An extension's bits are not reserved, unless `reserved_bits` names what is (vxlan_nl2conf). */
function reservedBits({
  reservedBits: bits,
  gbp,
  gpe,
}: VxlanOptions): Pick<HeaderDefaults, 'reservedHigh' | 'reservedLow'> {
  if (bits !== undefined) {
    const view = new DataView(bits.buffer, bits.byteOffset, bits.byteLength);
    return { reservedHigh: view.getInt32(0), reservedLow: view.getInt32(4) };
  }
  const used = (gbp === true ? GBP_USED : 0) | (gpe === true ? GPE_USED : 0);
  return { reservedHigh: VXLAN_RESERVED_HIGH & ~used, reservedLow: VXLAN_RESERVED_LOW };
}
