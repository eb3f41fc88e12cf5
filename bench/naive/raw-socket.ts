/** The naive endpoint on the package raw-socket: an event for each datagram, a read for each frame. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { read, writeSync } from 'node:fs';
import { carriesFrame, type Link, VXLAN_BYTES, writeVxlanHeader } from './tap.js';

const UDP = 17;
const UDP_BYTES = 8;
const SOURCE_PORT = 49152;
const ROOM = 65536;

/** The part of the package that is used here. */
interface RawSocket {
  on(event: 'message', listener: (packet: Buffer, source: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  send(bytes: Buffer, offset: number, length: number, address: string, sent: (error?: Error) => void): void;
}
interface Package {
  createSocket(options: { protocol: number; bufferSize: number }): RawSocket;
}

async function load(): Promise<Package | undefined> {
  const name: string = 'raw-socket'; // an optional dependency: nothing of it is known when this is compiled
  try {
    const loaded = (await import(name)) as Partial<Package> & { default?: Package };
    return loaded.default ?? (loaded as Package);
  } catch {
    return undefined;
  }
}

/** False where the package is not installed; else the endpoint runs from now on. */
export async function runOnRawSocket(link: Link, ready: (variant: string) => void): Promise<boolean> {
  const { tap, local, remote, vni, port } = link;
  const raw = await load();
  if (raw === undefined) return false;
  // a raw socket is no listener: without one the kernel answers each datagram with "port unreachable"
  const silent = createSocket({ type: 'udp4', recvBufferSize: 4096 });
  silent.bind(port, local);
  await once(silent, 'listening');
  const socket = raw.createSocket({ protocol: UDP, bufferSize: ROOM });
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
  socket.on('message', (packet) => {
    const udp = ((packet[0] ?? 0) & 15) * 4;
    const frame = udp + UDP_BYTES;
    if (packet.length < frame || packet.readUInt16BE(udp + 2) !== port) return;
    if (!carriesFrame(packet, frame, packet.length - frame, vni)) return;
    try {
      writeSync(tap, packet, frame + VXLAN_BYTES, packet.length - frame - VXLAN_BYTES);
    } catch {
      // the TAP is full or down: the frame is lost
    }
  });

  const front = UDP_BYTES + VXLAN_BYTES;
  const forward = (): void => {
    const bytes = Buffer.alloc(2048);
    read(tap, bytes, front, bytes.length - front, null, (error, length) => {
      if (error === null && length > 0) {
        bytes.writeUInt16BE(SOURCE_PORT, 0);
        bytes.writeUInt16BE(port, 2);
        bytes.writeUInt16BE(front + length, 4); // the UDP checksum stays 0: none
        writeVxlanHeader(bytes, UDP_BYTES, vni);
        socket.send(bytes, 0, front + length, remote, () => {});
      }
      if (error === null || error.code === 'EIO')
        forward(); // EIO: the TAP is down, and reads wait until it is up
      else process.exit(1);
    });
  };
  forward();
  ready('raw-socket');
  return true;
}
