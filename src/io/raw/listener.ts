/**
 * The receiving half of the raw underlay over IPv4, on the npm package raw-socket: runs on the main thread, whose
 * event loop is the only one that the package knows, and hands what it receives to the worker.
 *
 * A raw socket gets every UDP datagram of the host, as IP has put it together from its fragments but before UDP has
 * looked at it. So a filter in the kernel takes the one port, and what UDP would have checked is checked here.
 */
import { NativeBuffer } from '../../native/scratch.js';
import {
  SK_MEMINFO_DROPS,
  SO_ATTACH_FILTER,
  SO_MEMINFO,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
} from '../../native/socket-constants.js';
import { SockFilter, SockFprog } from '../../native/structs.js';
import { HANDOVER_BATCH, HandoverWriter } from '../handover/writer.js';
import { loadOptionalPackage } from '../optional-package.js';
import { NOT_OURS, OuterReader, WHOLE } from '../outer/outer-reader.js';

/** What is used of raw-socket: its socket object, and below it the binding, which receives one packet a call. */
interface Binding {
  recv(buffer: Buffer, done: (buffer: Buffer, bytes: number) => void): void;
}
interface Socket {
  readonly wrap: Binding;
  on(event: 'error', listener: (error: Error) => void): void;
  setOption(level: number, option: number, value: Buffer, length: number): void;
  getOption(level: number, option: number, value: Buffer, length: number): number;
  close(): void;
}
interface RawSocketPackage {
  readonly Socket: new (options: { protocol: number; addressFamily: number; bufferSize: number }) => Socket;
  readonly AddressFamily: { readonly IPv4: number };
  readonly Protocol: { readonly UDP: number };
  readonly SocketLevel: { readonly SOL_SOCKET: number };
}

export interface RawListenerOptions {
  readonly port: number;
  /** Only what is sent to this IPv4 address; absent: to any of the host's. */
  readonly local?: Uint8Array;
  readonly receiveBuffer: number;
  /** The longest packet of any wire that leads here. */
  readonly mtu: number;
  /** The sending end of the handover. */
  readonly handoverFd: number;
}

/** Packets received before the event loop gets its turn. */
const BURST = 2 * HANDOVER_BATCH;

export class RawListener {
  private readonly socket: Socket;
  private readonly level: number;
  private readonly writer: HandoverWriter;
  private readonly reader: OuterReader;
  private readonly slots: readonly Buffer[];
  private readonly memoryInfo = Buffer.alloc((SK_MEMINFO_DROPS + 1) * 4);
  /** Packets that the socket's queue had no room for, as last told. */
  private dropsSeen = 0;
  private received = 0;

  /** Listens from now on. Throws MissingPackageError, or an Error that says what the kernel refused. */
  constructor({ port, local, receiveBuffer, mtu, handoverFd }: RawListenerOptions) {
    const raw = loadOptionalPackage('raw-socket') as RawSocketPackage;
    this.writer = new HandoverWriter(handoverFd);
    this.reader = new OuterReader(this.writer.bytes.buffer, { port, mtu, udp6ZeroChecksum: false });
    this.slots = this.writer.slotBuffers();
    this.level = raw.SocketLevel.SOL_SOCKET;
    const receive = (): void => this.receive();
    // The package reads one packet an event, into a new Buffer object: its own hook for readability does better.
    class BatchSocket extends raw.Socket {
      onRecvReady(): void {
        receive();
      }
    }
    this.socket = new BatchSocket({
      protocol: raw.Protocol.UDP,
      addressFamily: raw.AddressFamily.IPv4,
      bufferSize: 1,
    });
    this.socket.on('error', () => undefined);
    try {
      this.attachFilter(port, local);
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(receiveBuffer);
      try {
        this.socket.setOption(this.level, SO_RCVBUFFORCE, bytes, 4);
      } catch {
        this.socket.setOption(this.level, SO_RCVBUF, bytes, 4);
      }
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  close(): void {
    this.socket.close();
  }

  private receive(): void {
    const { writer, slots } = this;
    for (let i = 0; i < BURST; i++) {
      this.received = -1;
      try {
        this.socket.wrap.recv(slots[writer.index] as Buffer, this.took);
      } catch {
        break; // nothing waits any more (EAGAIN): the package tells an error in words only
      }
      if (this.received > 0) this.handOver(this.received);
    }
    this.countDrops();
    writer.flush();
  }

  private readonly took = (_buffer: Buffer, bytes: number): void => {
    this.received = bytes;
  };

  private handOver(bytes: number): void {
    const { writer, reader } = this;
    writer.clearRecord();
    const verdict = reader.readPacket(writer.slot, bytes, writer.words, writer.record);
    if (verdict === NOT_OURS) return;
    const refused = verdict === WHOLE ? 0 : verdict;
    writer.push(reader.payload, reader.length, refused, reader.segmentSize, reader.truncated);
  }

  private countDrops(): void {
    this.socket.getOption(this.level, SO_MEMINFO, this.memoryInfo, this.memoryInfo.length);
    const drops = this.memoryInfo.readUInt32LE(SK_MEMINFO_DROPS * 4);
    this.writer.addDropped((drops - this.dropsSeen) >>> 0);
    this.dropsSeen = drops;
  }

  /** Only UDP to the port, and to the address; what came before the filter did the reader sorts out by its port. */
  private attachFilter(port: number, local: Uint8Array | undefined): void {
    const LOAD_WORD = 0x20;
    const LOAD_INDEX_HEADER = 0xb1; // X = 4 * (P[k] & 15)
    const LOAD_HALF_INDEXED = 0x48;
    const JUMP_EQUAL = 0x15;
    const RETURN = 0x06;
    const address = local === undefined ? 0 : Buffer.from(local).readUInt32BE(0);
    const check: [code: number, jt: number, jf: number, k: number][] =
      local === undefined
        ? []
        : [
            [LOAD_WORD, 0, 0, 16],
            [JUMP_EQUAL, 0, 4, address],
          ];
    const program: [code: number, jt: number, jf: number, k: number][] = [
      ...check,
      [LOAD_INDEX_HEADER, 0, 0, 0],
      [LOAD_HALF_INDEXED, 0, 0, 2],
      [JUMP_EQUAL, 0, 1, port],
      [RETURN, 0, 0, 0xffffffff],
      [RETURN, 0, 0, 0],
    ];
    const memory = new NativeBuffer(SockFprog.SIZE + program.length * SockFilter.SIZE);
    memory.view.setUint16(SockFprog.LENGTH, program.length, true);
    memory.pointer(SockFprog.FILTER, memory, SockFprog.SIZE);
    for (const [n, [code, jt, jf, k]] of program.entries()) {
      const at = SockFprog.SIZE + n * SockFilter.SIZE;
      memory.view.setUint16(at + SockFilter.CODE, code, true);
      memory.view.setUint8(at + SockFilter.JT, jt);
      memory.view.setUint8(at + SockFilter.JF, jf);
      memory.view.setUint32(at + SockFilter.K, k, true);
    }
    const bytes = Buffer.from(memory.bytes.buffer, 0, SockFprog.SIZE);
    this.socket.setOption(this.level, SO_ATTACH_FILTER, bytes, SockFprog.SIZE);
  }
}
