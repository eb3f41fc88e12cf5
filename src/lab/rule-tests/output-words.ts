import { OuterReader, WHOLE } from '../../io/outer/outer-reader.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { VXLAN_HEADER, vxlanVni } from '../../wire/vxlan.js';
import type { LocalEndpoint, Output } from '../local-endpoint.js';
import { frameWords, PacketReader, tunnelWords } from '../trace/packet-words.js';

/** Fields of what has left: the inner frame's, and of an outer packet the tunnel's as `enc_…`. */
export class OutputWords {
  private readonly reader = new PacketReader();
  private readonly endpoint: LocalEndpoint;

  constructor(endpoint: LocalEndpoint) {
    this.endpoint = endpoint;
  }

  of({ device, kind, bytes }: Output): Readonly<Record<string, string>> {
    const plain = {
      to: kind === 'frame' ? 'host' : 'tunnel',
      length: `${bytes.length}`,
      hex: Buffer.from(bytes).toString('hex'),
    };
    if (kind === 'frame') return { ...this.frame(bytes, undefined), ...plain };
    const outer = this.outer(bytes, this.endpoint.devices.get(device)?.vxlan?.dstport ?? 0);
    return { ...(outer && this.frame(outer.frame, outer.tunnel)), ...plain };
  }

  private frame(bytes: Uint8Array, tunnel: Int32Array | undefined): Record<string, string> {
    const state = { bytes, tunnel, isReceived: true, mark: 0, priority: 0, isBare: false };
    const key = this.reader.key(state);
    return { ...frameWords(key), ...(tunnel && tunnelWords(key)) };
  }

  /** `own`: the port that the device sends to where nothing else is said. */
  private outer(
    packet: Uint8Array,
    own: number,
  ): { readonly frame: Uint8Array; readonly tunnel: Int32Array } | undefined {
    // A rule may have said another port: the one that stands there.
    const port = portOf(packet) ?? own;
    const buffer = new ArrayBuffer((packet.length + 7) & ~7);
    const bytes = new Uint8Array(buffer);
    bytes.set(packet);
    const tunnel = new Int32Array(TUNNEL_WORDS);
    const reader = new OuterReader(buffer, { port, udp6ZeroChecksum: true, mtu: packet.length });
    if (reader.readPacket(0, packet.length, tunnel, 0) !== WHOLE || reader.length < VXLAN_HEADER) return undefined;
    tunnel[TunnelWord.VNI] = vxlanVni(bytes, reader.payload);
    tunnel[TunnelWord.FLAGS] = (tunnel[TunnelWord.FLAGS] ?? 0) | TUNNEL_KEY;
    return { frame: bytes.slice(reader.payload + VXLAN_HEADER, reader.payload + reader.length), tunnel };
  }
}

function portOf(packet: Uint8Array): number | undefined {
  const version = (packet[0] ?? 0) >> 4;
  const udp = version === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const [high, low] = [packet[udp + 2], packet[udp + 3]];
  return high === undefined || low === undefined ? undefined : (high << 8) | low;
}
