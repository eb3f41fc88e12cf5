import type { VxlanOptions } from '../iproute/commands.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

/**
 * What a vxlan device says of every tunnel to an endpoint of its forwarding table, as a record to transmit; `lower` is
 * the index of its lower device, or 0. TOS, TTL and the like are in the device's row of the device table.
 */
export function tunnelDefaults(options: VxlanOptions, lower: number): Int32Array {
  const { id = 0, local, remote, dstport } = options;
  const family = (remote ?? local)?.length === 16 ? 6 : 4;
  const checksum = family === 4 ? options.udpcsum : !options.udp6zerocsumtx;
  const record = new Int32Array(TUNNEL_WORDS);
  record[TunnelWord.FLAGS] = TUNNEL_KEY | (checksum ? TUNNEL_CSUM : 0);
  record[TunnelWord.VNI] = id;
  record[TunnelWord.DST_PORT] = dstport;
  record[TunnelWord.IFINDEX] = lower;
  record[TunnelWord.FAMILY] = family;
  if (local) {
    const view = new DataView(local.buffer, local.byteOffset, local.byteLength);
    for (let w = 0; w * 4 < local.length; w++) record[TunnelWord.SRC_IP + w] = view.getInt32(w * 4);
  }
  return record;
}
