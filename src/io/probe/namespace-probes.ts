/**
 * Probes that make devices, and so belong into a network namespace that is made for them and goes with them. They use
 * the very functions that a daemon uses.
 */
import { release } from 'node:os';
import { EINVAL, errnoName, errnoText, SystemError } from '../../native/errno.js';
import { close, ioctl, open, setsockopt, socket, write } from '../../native/libc.js';
import { NativeBuffer, scratch } from '../../native/scratch.js';
import {
  AF_INET,
  O_CLOEXEC,
  O_RDWR,
  SO_RXQ_OVFL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../native/socket-constants.js';
import {
  IFF_MULTI_QUEUE,
  IFF_VNET_HDR,
  TUNGETFEATURES,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VnetHeader,
} from '../../native/tun-constants.js';
import { VNET_HEADER_BYTES } from '../device.js';
import { openPacketSocket } from '../packet/open-packet.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import { closeTap, openTap } from '../tap/open-tap.js';
import { probeTunnelGso } from '../tunnel-gso/open-tunnel-gso.js';
import type { Probe, ProbeName, ProbeState } from './probe.js';
import { probeUdpOffload } from './udp-offload.js';

const LOOPBACK = 1;

const probe = (name: ProbeName, state: ProbeState, sentence: string): Probe => ({ name, state, sentence });

/** Every probe, in the thread's network namespace: it must be one that is nobody's. */
export function probeNamespace(tun: string): Probe[] {
  const links = new RtnetlinkClient();
  try {
    links.setLink(LOOPBACK, { up: true });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  } finally {
    links.close();
  }
  const { segmentation, bundles } = probeUdpOffload();
  return [segmentation, bundles, probeOverflow(), ...probeTap(tun), probePacketSocket()];
}

function probeOverflow(): Probe {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  scratch.view.setInt32(0, 1, true);
  const answer = setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, scratch.address, 4);
  close(fd);
  return answer < 0
    ? probe('queue-overflow', 'missing', `no SO_RXQ_OVFL (${errnoName(answer)}), without which no underlay opens`)
    : probe('queue-overflow', 'works', 'SO_RXQ_OVFL: the kernel tells of datagrams that a full queue lost');
}

/** What the TUN/TAP driver at `tun` can do. */
export function probeTap(tun: string): Probe[] {
  const fd = open(tun, O_RDWR | O_CLOEXEC);
  if (fd < 0) return [probe('tap', fd === -EINVAL ? 'missing' : 'unseen', `${tun}: ${errnoText(fd)}`)];
  const answer = ioctl(fd, TUNGETFEATURES, scratch.address);
  const features = answer < 0 ? 0 : scratch.view.getUint32(0, true);
  close(fd);
  if (answer < 0) return [probe('tap', 'missing', `${tun} is no TUN/TAP device (${errnoName(answer)})`)];
  if ((features & IFF_VNET_HDR) === 0)
    return [probe('tap', 'missing', 'the TUN/TAP driver has no IFF_VNET_HDR, without which vtep makes no device')];
  const queues =
    (features & IFF_MULTI_QUEUE) === 0
      ? probe('tap-queues', 'missing', 'the TUN/TAP driver has no queues for several workers (IFF_MULTI_QUEUE)')
      : probe('tap-queues', 'works', 'a TAP has a queue for each worker (IFF_MULTI_QUEUE)');
  try {
    return [probe('tap', 'works', `${tun}: TAPs can be made, with virtio-net headers`), queues, ...probeOffloads(tun)];
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return [probe('tap', 'unseen', `no TAP could be made (${error.message})`), queues];
  }
}

function probeOffloads(tun: string): Probe[] {
  const tap = openTap({ name: 'probe0', tunPath: tun });
  try {
    const [fd = -1] = tap.fds;
    const tcp = tap.offloads.tcp
      ? probe('tap-tcp-offload', 'works', 'TCP super-frames of up to 64 KB pass through a TAP')
      : probe('tap-tcp-offload', 'missing', 'the TUN/TAP driver takes no offloads; every frame is a write');
    return [tcp, probeUdpFrames(fd, tap.offloads.udp), probeTunnel(tun)];
  } finally {
    closeTap(tap);
  }
}

/**
 * A UDP super-frame with a shorter last datagram is written to a TAP that is down: a driver that understands it answers
 * EIO, for the device is down; one that does not, EINVAL.
 */
function probeUdpFrames(fd: number, isOffered: boolean): Probe {
  if (!isOffered)
    return probe(
      'tap-udp-offload',
      'missing',
      `no UDP super-frames (USO) in a TAP of Linux ${release()}; every datagram is a write`,
    );
  const frame = superFrame();
  const answer = write(fd, frame.address, frame.bytes.length);
  return answer === -EINVAL
    ? probe(
        'tap-udp-offload',
        'faulty',
        'a TAP refuses good UDP super-frames with a shorter last datagram (EINVAL): such frames are lost',
      )
    : probe('tap-udp-offload', 'works', 'UDP super-frames pass through a TAP (USO)');
}

/** Virtio-net header, Ethernet, IPv4 and UDP headers, and two datagrams of 100 and 40 bytes. */
function superFrame(): NativeBuffer {
  const payload = 140;
  const frame = new NativeBuffer(VNET_HEADER_BYTES + 42 + payload);
  const { view } = frame;
  view.setUint8(VnetHeader.FLAGS, VIRTIO_NET_HDR_F_NEEDS_CSUM);
  view.setUint8(VnetHeader.GSO_TYPE, 5);
  view.setUint16(VnetHeader.HDR_LEN, 42, true);
  view.setUint16(VnetHeader.GSO_SIZE, 100, true);
  view.setUint16(VnetHeader.CSUM_START, 34, true);
  view.setUint16(VnetHeader.CSUM_OFFSET, 6, true);
  const at = VNET_HEADER_BYTES;
  frame.bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45], at);
  view.setUint16(at + 16, 28 + payload);
  frame.bytes.set([64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], at + 22);
  view.setUint16(at + 34, 4000);
  view.setUint16(at + 36, 4001);
  view.setUint16(at + 38, 8 + payload);
  return frame;
}

/** The very proof that `vtep run --tunnel-gso` makes before it uses it. */
function probeTunnel(tun: string): Probe {
  const { families, refusals } = probeTunnelGso(tun);
  const [first] = families;
  if (first === undefined) return probe('tap-tunnel-offload', 'missing', refusals.join('; '));
  const over = families.map((family) => `IPv${family}`).join(' and ');
  const but = refusals.map((refusal) => `; ${refusal}`).join('');
  return probe('tap-tunnel-offload', 'works', `super-frames can go whole over ${over} (vtep run --tunnel-gso)${but}`);
}

function probePacketSocket(): Probe {
  try {
    const { fd, headerBytes, udpSegmentation } = openPacketSocket(LOOPBACK, 65536);
    close(fd);
    const udp = udpSegmentation ? '' : ', but none of UDP (Linux 6.2)';
    return probe(
      'packet-socket',
      'works',
      `super-frames go to the host's own interfaces with a header of ${headerBytes} bytes${udp}`,
    );
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return probe(
      'packet-socket',
      'unseen',
      `no packet socket with a virtio-net header: ${error.message}; mirred cannot send to the host's own interfaces`,
    );
  }
}
