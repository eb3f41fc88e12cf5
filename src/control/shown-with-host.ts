import type { Command } from '../iproute/commands.js';
import { isLinkShown, printLinks } from '../iproute/print-link.js';
import { isHere } from './device-registry.js';
import type { Devices } from './devices.js';
import { optionWords } from './host-show-words.js';
import { textOf } from './host-text.js';
import { mergeLinks } from './merge-links.js';
import { mergeQdiscs } from './merge-qdiscs.js';
import type { Say } from './protocol.js';
import type { Rules } from './rules.js';

type LinkShow = Extract<Command, { readonly kind: 'link-show' }>;
type QdiscShow = Extract<Command, { readonly kind: 'qdisc-show' }>;

/** Runs a tool of the system; what it prints is said. */
type HostTool = (tool: 'ip' | 'tc', argv: readonly string[], say: Say) => Promise<void>;

/** vtep's devices, as far as they are shown. */
export interface ShownDevices {
  readonly registry: Pick<Devices['registry'], 'find'>;
  readonly links: Pick<Devices['links'], 'states'>;
}

/** What is shown of vtep's things and of the host's together. */
export class ShownWithHost {
  private readonly devices: ShownDevices;
  private readonly rules: Pick<Rules, 'qdiscsOf'>;
  private readonly host: HostTool;

  constructor(devices: ShownDevices, rules: Pick<Rules, 'qdiscsOf'>, host: HostTool) {
    this.devices = devices;
    this.rules = rules;
    this.host = host;
  }

  /** Without a name the host's links are shown too: whoever says `ip` wants to see all there are. */
  async links({ selector, output, argv }: LinkShow, say: Say): Promise<void> {
    const device = selector.dev === undefined ? undefined : this.devices.registry.find(selector.dev);
    if (selector.dev !== undefined && !device) {
      await this.host('ip', argv, say);
      return;
    }
    const before = this.devices.links.states();
    if (device) {
      const wanted = { ...selector, dev: device.name };
      say({
        out: printLinks(
          before.filter((link) => isLinkShown(link, wanted)),
          output,
        ),
      });
      return;
    }
    const hosts = await this.hostText('ip', argv, say);
    // Devices may have come and gone meanwhile; the host's ip may know either kind, as TAPs.
    const links = this.devices.links.states();
    const own = new Set([...before, ...links].map(({ ifindex }) => ifindex));
    const shown = links.filter((link) => isLinkShown(link, selector));
    say({ out: mergeLinks(hosts, own, shown, output) });
  }

  /** The host's too: a TAP has a root on the host, which people change with the same `tc qdisc`. */
  async qdiscs({ dev, hook = false, output }: QdiscShow, say: Say): Promise<void> {
    const named = dev === undefined ? [] : ['dev', dev];
    const argv = [...optionWords(output), 'qdisc', 'show', ...named, ...(hook ? ['ingress'] : [])];
    const device = dev === undefined ? undefined : this.devices.registry.find(dev);
    if (dev !== undefined && !device) {
      await this.host('tc', argv, say);
      return;
    }
    // What was moved to another namespace keeps its name here, and the host knows nothing of it.
    const hosts = device && !isHere(device) ? '' : await this.hostText('tc', argv, say);
    say({ out: mergeQdiscs(hosts, this.rules.qdiscsOf(dev), dev, output) });
  }

  private hostText(tool: 'ip' | 'tc', argv: readonly string[], say: Say): Promise<string> {
    return textOf((to) => this.host(tool, argv, to), say);
  }
}
