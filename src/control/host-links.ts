import type { Rtnetlink } from '../io/rtnetlink/client.js';
import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import type { LinkGeneric } from '../iproute/commands.js';
import type { LinkState } from '../iproute/link-state.js';
import type { Counters } from '../memory/counters.js';
import { type Device, type DeviceRegistry, isHere } from './device-registry.js';
import { linkStateOf } from './link-states.js';
import { answerOf } from './refusal.js';
import type { Turns } from './turns.js';

/** What links are read and set with. */
export interface LinkSurroundings {
  readonly rtnetlink: Rtnetlink;
  readonly registry: DeviceRegistry;
  readonly turns: Turns;
  /** Of every worker. */
  readonly counters: readonly Counters[];
  /** Takes over what the kernel says of a device now. */
  reread(device: Device): Promise<void>;
}

/** Devices as links of the host: what the kernel says of each, and what may be set there. */
export class HostLinks {
  private readonly around: LinkSurroundings;

  constructor(around: LinkSurroundings) {
    this.around = around;
  }

  /** What the kernel says of a device, for `restore`; undefined where it is in another network namespace. */
  details(index: number): LinkDetails | undefined {
    return this.detailsOf(this.around.registry.get(index));
  }

  /** Sets what is said of MTU, address and queue length. Throws CommandError in the kernel's words. */
  set(index: number, generic: LinkGeneric): Promise<void> {
    return this.around.turns.take(async () => {
      const device = this.around.registry.get(index);
      if (!device || !isHere(device)) return;
      try {
        this.around.rtnetlink.setLink(device.ifindex, settingsOf(generic));
      } catch (error) {
        throw answerOf(error);
      }
      await this.around.reread(device);
    });
  }

  /** Puts back MTU, address, alias and queue length, as far as they are others. */
  restore(index: number, { link, txQueueLength }: LinkDetails): Promise<void> {
    return this.around.turns.take(async () => {
      const device = this.around.registry.get(index);
      const now = this.detailsOf(device);
      if (!device || !now) return;
      const { mtu, address, alias } = link;
      this.around.rtnetlink.setLink(device.ifindex, {
        ...(mtu !== now.link.mtu && { mtu }),
        ...(`${address}` !== `${now.link.address}` && { address }),
        ...(alias !== now.link.alias && { alias }),
        ...(txQueueLength !== now.txQueueLength && { txQueueLength }),
      });
      await this.around.reread(device);
    });
  }

  /** ifindex of a link of this network namespace that is not vtep's; undefined where there is none. */
  foreignIfindex(name: string): number | undefined {
    return this.around.registry.meant(name) ? undefined : this.around.rtnetlink.link(name)?.index;
  }

  /** The devices of this network namespace as `ip link show` prints them. */
  states(): LinkState[] {
    return this.around.registry.list().flatMap((device) => this.state(device) ?? []);
  }

  /** One of them; undefined where it is not in this network namespace. */
  state(device: Device | undefined): LinkState | undefined {
    const details = this.detailsOf(device);
    if (!device || !details) return undefined;
    const { master } = details.link;
    const above = master === 0 ? undefined : this.around.rtnetlink.link(master)?.name;
    const { index, vxlan, mirror } = device;
    const shown = mirror && { vni: mirror.vni, of: this.around.registry.nameOf(mirror.of) };
    const described = { index, ...(vxlan && { vxlan }), ...(shown && { mirror: shown }) };
    return linkStateOf(details, described, this.around.counters, above);
  }

  private detailsOf(device: Device | undefined): LinkDetails | undefined {
    return device && isHere(device) ? this.around.rtnetlink.linkDetails(device.ifindex) : undefined;
  }
}

/** MTU, address and queue length as rtnetlink is given them: what is not said stays. */
export function settingsOf({ mtu, address, txqueuelen }: LinkGeneric): {
  mtu?: number;
  address?: Uint8Array;
  txQueueLength?: number;
} {
  return {
    ...(mtu === undefined ? {} : { mtu }),
    ...(address === undefined ? {} : { address }),
    ...(txqueuelen === undefined ? {} : { txQueueLength: txqueuelen }),
  };
}
