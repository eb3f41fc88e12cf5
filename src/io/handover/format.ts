/**
 * How datagrams go from a producer on another thread, or in another process, to the worker: each is one message of a
 * socket pair, which is a bounded queue that the worker can wait on like on any socket. Where it is full the producer
 * drops, and says how much in the next message, as SO_RXQ_OVFL would. (Why not shared memory: docs/decisions/raw-and-pcap.md)
 */
import { TUNNEL_WORDS } from '../../memory/tunnel.js';

/** Before the UDP payload of each message: 32-bit words in the machine's order. */
export const HandoverWord = {
  /** The tunnel record, as an underlay's `receive` fills it in. */
  TUNNEL: 0,
  /** As in ReceivedDatagrams. */
  REFUSED: TUNNEL_WORDS,
  SEGMENT_SIZE: TUNNEL_WORDS + 1,
  TRUNCATED: TUNNEL_WORDS + 2,
  /** Datagrams dropped on the way since the producer began, as 32 bits that wrap. */
  DROPPED: TUNNEL_WORDS + 3,
} as const;

/** Bytes of that header. */
export const HANDOVER_HEADER = (TUNNEL_WORDS + 4) * 4;
