import type { Instruction } from '../dataplane/messages.js';
import { joinGroup, leaveGroup, openMemberSocket } from '../io/udp/groups.js';
import { membershipFd, type UnderlayParts } from '../io/underlay-parts.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { Identity } from '../native/credentials.js';
import { close } from '../native/libc.js';
import { FreeNumbers } from './free-numbers.js';
import type { OpenedUnderlay } from './other-underlays.js';

type UnderlayInstruction = Extract<Instruction, { readonly type: `underlay-${string}` }>;

/** Where sockets are handed to the workers. */
export interface UnderlayUser {
  /** How many there are. */
  readonly workers: number;
  apply(instruction: UnderlayInstruction): Promise<void>;
}

/** A VNI that a device takes, and its row of VniCounters, or -1. */
export type TakenVni = readonly [vni: number, row: number];

/** The VNIs that a device takes; undefined: every one, and it shares with nobody. */
export type TakenVnis = readonly TakenVni[] | undefined;

interface Underlay {
  readonly number: number;
  readonly key: string;
  readonly opened: OpenedUnderlay;
  /** Devices in the order in which they came: the first one counts what is nobody's. */
  readonly members: Map<number, TakenVnis>;
  /** How many members have asked for each multicast group. */
  readonly groups: Map<string, number>;
  /** By family: sockets that belong to groups for underlays that are no sockets themselves. */
  readonly memberFds: Map<4 | 6, number>;
}

/**
 * The open underlays, each shared by the devices that would have the same socket in the kernel (vxlan_find_sock): it
 * opens with the first of them, and closes with the last.
 */
export class UnderlayPool {
  private readonly user: UnderlayUser;
  /** Opens what is to take the place of UDP sockets; undefined: nothing is. */
  readonly openOwn: (options: VxlanOptions) => OpenedUnderlay | undefined;
  private readonly numbers = new FreeNumbers(0);
  private readonly open = new Map<string, Underlay>();

  constructor(user: UnderlayUser, openOwn: UnderlayPool['openOwn'] = () => undefined) {
    this.user = user;
    this.openOwn = openOwn;
  }

  /** What is open. */
  get parts(): UnderlayParts[] {
    return [...this.open.values()].flatMap(({ opened }) => opened.parts);
  }

  /** What is open gives up what it has of this process's rights beside it. */
  async confine(identity: Identity): Promise<void> {
    for (const { opened } of this.open.values()) await opened.confine?.(identity);
  }

  /** Sets of sockets that an underlay needs. */
  get workers(): number {
    return this.user.workers;
  }

  /**
   * Makes a device a member of the underlay with that key, which `make` opens where it is not open yet. What `make`
   * throws comes out, and nothing is left open.
   */
  async join(
    key: string,
    device: number,
    vnis: TakenVnis,
    make: () => OpenedUnderlay | Promise<OpenedUnderlay>,
  ): Promise<void> {
    const there = this.open.get(key);
    if (there) {
      there.members.set(device, vnis);
      await this.serve(there);
      return;
    }
    const opened = await make();
    const underlay: Underlay = {
      number: this.numbers.next(),
      key,
      opened,
      members: new Map([[device, vnis]]),
      groups: new Map(),
      memberFds: new Map(),
    };
    this.open.set(key, underlay);
    try {
      await this.user.apply({
        type: 'underlay-open',
        underlay: underlay.number,
        parts: opened.parts,
        ...sharesOf(underlay),
      });
    } catch (error) {
      // One worker has refused it; others may have it.
      await this.user.apply({ type: 'underlay-close', underlay: underlay.number }).catch(() => undefined);
      await this.closeNow(underlay);
      throw error;
    }
  }

  /** Has a member send through an underlay. */
  async use(key: string, device: number): Promise<void> {
    const underlay = this.open.get(key);
    if (underlay) await this.user.apply({ type: 'underlay-use', device, underlay: underlay.number });
  }

  /** A member takes other VNIs. */
  async change(key: string, device: number, vnis: TakenVnis): Promise<void> {
    const underlay = this.open.get(key);
    if (!underlay?.members.has(device)) return;
    underlay.members.set(device, vnis);
    await this.serve(underlay);
  }

  /** A member leaves, and neither sends nor receives any more; the last one has the underlay closed. */
  async leave(key: string, device: number): Promise<void> {
    const underlay = this.open.get(key);
    if (!underlay?.members.delete(device)) return;
    try {
      await this.user.apply({ type: 'underlay-use', device, underlay: -1 });
      if (underlay.members.size > 0) await this.serve(underlay);
      else await this.user.apply({ type: 'underlay-close', underlay: underlay.number });
    } finally {
      if (underlay.members.size === 0) await this.closeNow(underlay);
    }
  }

  /** Joins a multicast group for a member; each call wants a `leaveGroup`. Throws a SystemError. */
  joinGroup(key: string, group: Uint8Array, ifindex: number): void {
    const underlay = this.open.get(key);
    if (!underlay) return;
    const name = groupName(group, ifindex);
    const count = underlay.groups.get(name) ?? 0;
    if (count === 0) joinGroup(memberFdOf(underlay, group), group, ifindex);
    underlay.groups.set(name, count + 1);
  }

  leaveGroup(key: string, group: Uint8Array, ifindex: number): void {
    const underlay = this.open.get(key);
    const name = groupName(group, ifindex);
    const count = underlay?.groups.get(name) ?? 0;
    if (!underlay || count === 0) return;
    underlay.groups.set(name, count - 1);
    if (count === 1) leaveGroup(memberFdOf(underlay, group), group, ifindex);
  }

  private serve(underlay: Underlay): Promise<void> {
    return this.user.apply({ type: 'underlay-serve', underlay: underlay.number, ...sharesOf(underlay) });
  }

  private async closeNow(underlay: Underlay): Promise<void> {
    this.open.delete(underlay.key);
    for (const fd of underlay.memberFds.values()) close(fd);
    await underlay.opened.close();
    this.numbers.release(underlay.number);
  }
}

function sharesOf({ members }: Underlay): { owner: number; takers?: Int32Array } {
  const [[owner, vnis] = [-1, []]] = members;
  if (vnis === undefined) return { owner };
  const rows: number[] = [];
  for (const [device, taken] of members) for (const [vni, row] of taken ?? []) rows.push(vni, device, row);
  return { owner, takers: Int32Array.from(rows) };
}

function groupName(group: Uint8Array, ifindex: number): string {
  return `${group.join('.')}%${ifindex}`;
}

/** The socket that is a member of groups: the underlay's, where it has one. */
function memberFdOf({ opened, memberFds }: Underlay, group: Uint8Array): number {
  const family = group.length === 4 ? 4 : 6;
  const [first] = opened.parts;
  const own = first && membershipFd(first, family);
  if (own !== undefined) return own;
  const fd = memberFds.get(family) ?? openMemberSocket(family);
  memberFds.set(family, fd);
  return fd;
}
