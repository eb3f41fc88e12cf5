/** What `ethtool -k` tells of an interface, by ioctl: no rights are needed. */
import { must } from '../native/errno.js';
import { close, ioctl, socket } from '../native/libc.js';
import { NativeBuffer } from '../native/scratch.js';
import {
  AF_INET,
  ETHTOOL_GGRO,
  ETHTOOL_GTSO,
  ETHTOOL_GTXCSUM,
  SIOCETHTOOL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from '../native/socket-constants.js';
import { EthtoolValue, Ifreq } from '../native/structs.js';

/** Absent where the driver does not say. */
export interface LinkOffloads {
  /** Packets that arrive one after the other are put together (GRO). */
  readonly gro?: boolean;
  /** Checksums are left to the device on the way out. */
  readonly txChecksum?: boolean;
  /** Segmentation of TCP is left to the device. */
  readonly tso?: boolean;
}

/** Of the interface with that name in this thread's network namespace. */
export function linkOffloads(name: string): LinkOffloads {
  const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  const request = new NativeBuffer(Ifreq.SIZE + EthtoolValue.SIZE);
  const ask = (command: number): boolean | undefined => {
    request.bytes.fill(0);
    request.bytes.set(Buffer.from(name).subarray(0, Ifreq.NAME_BYTES - 1), Ifreq.NAME);
    request.pointer(Ifreq.FLAGS, request, Ifreq.SIZE);
    request.view.setUint32(Ifreq.SIZE + EthtoolValue.COMMAND, command, true);
    return ioctl(fd, SIOCETHTOOL, request.address) < 0
      ? undefined
      : request.view.getUint32(Ifreq.SIZE + EthtoolValue.DATA, true) !== 0;
  };
  try {
    const [gro, txChecksum, tso] = [ask(ETHTOOL_GGRO), ask(ETHTOOL_GTXCSUM), ask(ETHTOOL_GTSO)];
    return {
      ...(gro !== undefined && { gro }),
      ...(txChecksum !== undefined && { txChecksum }),
      ...(tso !== undefined && { tso }),
    };
  } finally {
    close(fd);
  }
}
