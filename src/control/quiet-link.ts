/**
 * Keeping the host's stack out of a link that carries other people's traffic. What is seen there is for packet
 * sockets; the stack would answer ARP requests, take addresses from router advertisements, and hand broadcasts to its
 * servers. Everything here is asked of the kernel before the link is set up.
 */
import { writeFileSync } from 'node:fs';
import type { LinkChanges } from '../io/rtnetlink/client.js';
import { SystemError } from '../native/errno.js';

/** Under /proc/sys/net, `*` being the link's name. */
const settings: readonly (readonly [path: string, value: number])[] = [
  ['ipv6/conf/*/disable_ipv6', 1],
  // No source address leads back there: what has one is dropped.
  ['ipv4/conf/*/rp_filter', 1],
  // Never answer.
  ['ipv4/conf/*/arp_ignore', 8],
  ['ipv4/conf/*/forwarding', 0],
];

export class QuietLinks {
  private readonly setLink: (ifindex: number, changes: LinkChanges) => void;
  private readonly log: (line: string) => void;
  private hasComplained = false;

  constructor(setLink: (ifindex: number, changes: LinkChanges) => void, log: (line: string) => void) {
    this.setLink = setLink;
    this.log = log;
  }

  /** Silences a link of this network namespace, as far as it can be. Throws a SystemError. */
  silence(ifindex: number, name: string): void {
    this.setLink(ifindex, { arp: false });
    try {
      this.setLink(ifindex, { withoutIpv6Address: true });
    } catch (error) {
      // A host without IPv6 refuses.
      if (!(error instanceof SystemError)) throw error;
    }
    for (const [path, value] of settings) this.write(path.replace('*', name), value);
  }

  private write(path: string, value: number): void {
    try {
      writeFileSync(`/proc/sys/net/${path}`, `${value}`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || this.hasComplained) return;
      this.hasComplained = true;
      this.log(`net/${path} cannot be set (${code}): the host's stack may take part in mirrored traffic`);
    }
  }
}
