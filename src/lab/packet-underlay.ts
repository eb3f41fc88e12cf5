import { FakeUnderlay } from '../io/fake/fake-underlay.js';
import { NOT_OURS, OuterReader, WHOLE } from '../io/outer/outer-reader.js';
import type { Arena } from '../memory/arena.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

/** Bytes of the longest packet that is read. */
const LONGEST = 256 * 1024;
/** Bytes that a packet which waits is counted with beside its own. */
const RECORD_BYTES = 128;

/** What a socket would be opened with. */
export interface PacketUnderlayOptions {
  readonly port: number;
  readonly families: readonly (4 | 6)[];
  /** Whether a zero checksum is taken over IPv6. */
  readonly zeroChecksum6: boolean;
  /** The address that it is bound to. */
  readonly local?: Uint8Array;
  /** Bytes that may wait to be received; absent: whoever gives them sees to it. */
  readonly queueBytes?: number;
}

/**
 * An underlay that is given whole packets, from the outer header on, and keeps what is sent. It checks the packets as
 * the underlay pcap does.
 */
export class PacketUnderlay extends FakeUnderlay {
  private readonly options: PacketUnderlayOptions;
  private readonly buffer = new ArrayBuffer(LONGEST);
  private readonly bytes = new Uint8Array(this.buffer);
  private readonly reader: OuterReader;
  private readonly words = new Int32Array(TUNNEL_WORDS);
  private readonly localWords: readonly number[] | undefined;
  private waiting = 0;

  constructor(arena: Arena, options: PacketUnderlayOptions) {
    super(arena);
    const { port, zeroChecksum6, local } = options;
    this.options = options;
    this.reader = new OuterReader(this.buffer, { port, udp6ZeroChecksum: zeroChecksum6, mtu: LONGEST });
    this.localWords = local && wordsOf(local);
  }

  /**
   * Takes an IPv4 or IPv6 packet; false where a socket of these options would not be given it, or its queue is full,
   * which is told with the next packets that are received.
   */
  give(packet: Uint8Array): boolean {
    if (packet.length > LONGEST) return false;
    this.bytes.set(packet);
    const words = this.words.fill(0);
    const verdict = this.reader.readPacket(0, packet.length, words, 0);
    if (verdict === NOT_OURS || !this.options.families.some((family) => family === words[TunnelWord.FAMILY]))
      return false;
    if (this.localWords?.some((word, n) => word !== words[TunnelWord.DST_IP + n])) return false;
    const { payload, length, segmentSize, truncated } = this.reader;
    const isRead = verdict === WHOLE;
    const bytes = isRead ? this.bytes.slice(payload, payload + length) : new Uint8Array(0);
    if (this.waiting + bytes.length + RECORD_BYTES > (this.options.queueBytes ?? Number.POSITIVE_INFINITY)) {
      this.overflow++;
      return false;
    }
    this.waiting += bytes.length + RECORD_BYTES;
    this.incoming[0]?.push({
      bytes,
      words: words.slice(),
      ...(isRead && segmentSize > 0 && { segmentSize }),
      truncated: isRead && truncated,
      ...(!isRead && { refused: verdict }),
    });
    return true;
  }

  override receive(which: number, batch: ReceivedDatagrams): number {
    const count = super.receive(which, batch);
    for (let n = 0; n < count; n++) this.waiting -= (batch.length[n] ?? 0) + RECORD_BYTES;
    return count;
  }
}

/** An address as a tunnel record has it: four words. */
function wordsOf(address: Uint8Array): number[] {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return [0, 4, 8, 12].map((at) => (at < address.length ? view.getInt32(at) : 0));
}
