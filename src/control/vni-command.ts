/** `bridge vni` of vtep's devices; of others it is the host's. */
import { type Command, CommandError, type OutputOptions } from '../iproute/commands.js';
import { vniCommand } from '../iproute/fdb-command.js';
import { printVnis } from '../iproute/print-vni.js';
import type { Device } from './device-registry.js';
import { textOf } from './host-text.js';
import { objectsIn } from './merge-links.js';
import type { Say } from './protocol.js';
import { fdbAnswers } from './refusal.js';

/** A command of `bridge vni`. */
export type VniCommand = Extract<Command, { readonly kind: `vni-${string}` }>;

export interface VniTarget {
  find(name: string): Device | undefined;
  list(): Device[];
  /** Runs the system's bridge. */
  bridge(argv: readonly string[], say: Say): Promise<void>;
  edit(device: Device, command: Extract<VniCommand, { readonly kind: 'vni-add' | 'vni-del' }>): Promise<void>;
}

/** Carries out a command, or has the system's bridge do it. Throws CommandError. */
export async function carryOutVni(command: VniCommand, target: VniTarget, say: Say): Promise<void> {
  const device = command.dev === undefined ? undefined : target.find(command.dev);
  if (command.kind === 'vni-show') {
    await show(command, device, target, say);
    return;
  }
  if (!device) {
    await target.bridge(wordsOf(command), say);
    return;
  }
  if (!device.vxlan) throw new CommandError('Error: vxlan: The device is not a vxlan device.', 255);
  if (!device.filter) throw fdbAnswers('Operation not supported');
  await target.edit(device, command);
}

type VniShow = Extract<Command, { readonly kind: 'vni-show' }>;

async function show({ dev, output }: VniShow, device: Device | undefined, target: VniTarget, say: Say): Promise<void> {
  const argv = [...optionWords(output), 'vni', 'show', ...(dev === undefined ? [] : ['dev', dev])];
  if (dev !== undefined && !device) {
    await target.bridge(argv, say);
    return;
  }
  if (device && !device.filter) {
    say({ out: printVnis([], { ...output, json: false }) });
    throw new CommandError('RTNETLINK answers: Invalid argument\nDump ternminated', 1);
  }
  const hosts = device ? '' : await textOf((to) => target.bridge(argv, to), say);
  const shown = device ? [device] : target.list();
  const ours = printVnis(
    shown.flatMap(({ filter, name }) => filter?.states(name) ?? []),
    output,
  );
  say({ out: hosts === '' ? ours : joined(hosts, ours, output) });
}

function joined(hosts: string, ours: string, { json, pretty }: OutputOptions): string {
  if (!json) return hosts + ours.slice(ours.indexOf('\n') + 1);
  const objects = [...objectsIn(hosts), ...objectsIn(ours)];
  if (objects.length === 0) return ours;
  return pretty ? `[ ${objects.join(',')} ]\n` : `[${objects.join(',')}]\n`;
}

function wordsOf(command: Extract<VniCommand, { readonly kind: 'vni-add' | 'vni-del' }>): string[] {
  const words = vniCommand(command.dev, command.ranges, command.remote);
  return command.kind === 'vni-add' ? words : words.map((word, n) => (n === 1 ? 'delete' : word));
}

function optionWords({ statistics, json, pretty }: OutputOptions): string[] {
  return [...(statistics ? ['-s'] : []), ...(json ? ['-j'] : []), ...(pretty ? ['-p'] : [])];
}
