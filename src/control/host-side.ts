/**
 * What devices of vtep have of the host: its links, their faces there (TAPs), their underlays. The daemon's is the
 * kernel's; a program that embeds vtep may have its devices in its own process instead (library/process-host.ts).
 */
import type { FramePort } from '../io/device.js';
import { type Rtnetlink, RtnetlinkClient } from '../io/rtnetlink/client.js';
import { type LinkEvent, LinkFollower } from '../io/rtnetlink/follower.js';
import { closeTap, setPersistent, type Tap, tapName } from '../io/tap/open-tap.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { Device } from './device-registry.js';
import type { OpenedUnderlay } from './other-underlays.js';
import { openOwnTap } from './own-tap.js';

/** What a device is on the host: a TAP, or with `port` an object of this process. */
export interface Face extends Tap {
  readonly port?: FramePort;
}

export interface FaceOptions {
  readonly name: string;
  readonly persist: boolean;
  /** Whether one that an earlier vtep has left is taken over. */
  readonly reclaim: boolean;
  readonly queues: number;
}

export interface HostSide {
  readonly links: Rtnetlink;
  /** Has what becomes of links told from now on. */
  follow(heard: (event: LinkEvent) => void): Pick<LinkFollower, keyof LinkFollower>;
  /** Throws CommandError where the name is taken. */
  openFace(options: FaceOptions): Face;
  /** Whether a device's face is still there, wherever it was moved. */
  hasFace(device: Device): boolean;
  /** A device's face goes, unless it is to stay. */
  closeFace(device: Device, stays: boolean): void;
  /** Opens an underlay in the place of UDP sockets; undefined: it has none of its own. */
  openUnderlay?(options: VxlanOptions): OpenedUnderlay | undefined;
}

/** The kernel's side. `tun`: device node of TUN/TAP. */
export class KernelHost implements HostSide {
  readonly links: Rtnetlink = new RtnetlinkClient();
  private readonly tun: string;

  constructor(tun: string) {
    this.tun = tun;
  }

  follow(heard: (event: LinkEvent) => void): LinkFollower {
    return new LinkFollower(heard);
  }

  openFace({ name, persist, reclaim, queues }: FaceOptions): Face {
    return openOwnTap(name, persist, reclaim, this.tun, queues);
  }

  hasFace({ fd }: Device): boolean {
    return tapName(fd) !== undefined;
  }

  closeFace(device: Device, stays: boolean): void {
    if (!stays && tapName(device.fd) !== undefined) setPersistent(device.fd, false);
    closeTap(device);
  }
}
