/** `bridge fdb` of vtep's devices; of others it is the host's. */
import { type Command, CommandError, type OutputOptions } from '../iproute/commands.js';
import { type FdbEntryState, type FdbSelector, isFdbShown } from '../iproute/fdb-types.js';
import { fdbPieces, printFdb } from '../iproute/print-fdb.js';
import type { Device } from './device-registry.js';
import type { Forwarding } from './forwarding.js';
import { textOf } from './host-text.js';
import { objectsIn } from './merge-links.js';
import type { Say } from './protocol.js';
import type { RouteLoops } from './route-loops.js';

/** A command of `bridge fdb`. */
export type FdbCommand = Extract<Command, { readonly kind: `fdb-${string}` }>;

export interface FdbTarget {
  find(name: string): Device | undefined;
  list(): Device[];
  readonly forwarding: Forwarding;
  readonly loops: RouteLoops;
  /** Index of an interface of the host; 0: none of that name. */
  ifindex(name: string): number;
  /** Runs the system's bridge. */
  bridge(argv: readonly string[], say: Say): Promise<void>;
}

/** The device whose table a command is about; undefined: all of them. */
export function fdbDevice(command: FdbCommand): string | undefined {
  if (command.kind === 'fdb-show') return command.selector.dev;
  return command.kind === 'fdb-flush' ? command.flush.dev : command.entry.dev;
}

/** Carries out a command, or has the system's bridge do it. Throws CommandError. */
export async function carryOutFdb(command: FdbCommand, target: FdbTarget, say: Say): Promise<void> {
  const name = fdbDevice(command);
  const device = name === undefined ? undefined : target.find(name);
  if (command.kind === 'fdb-show') {
    for (const out of (await showFdb(command, target, say)) ?? []) say({ out });
    return;
  }
  if (device?.vxlan === undefined) {
    await target.bridge(command.argv, say);
    return;
  }
  const { forwarding } = target;
  switch (command.kind) {
    case 'fdb-add':
      target.loops.refuse(
        device,
        command.entry.dst,
        command.entry.via === undefined ? 0 : target.ifindex(command.entry.via),
        255,
      );
      forwarding.add(command.mode, device, command.entry);
      break;
    case 'fdb-del':
      forwarding.remove(device, command.entry);
      break;
    case 'fdb-get':
      say({ out: printFdb([forwarding.get(device, command.entry)], {}, command.output) });
      break;
    case 'fdb-flush':
      forwarding.flush(device, command.flush);
      break;
  }
}

type FdbShow = Extract<Command, { readonly kind: 'fdb-show' }>;

/**
 * The host's entries, and those of vxlan devices: for what they are to the host, a TAP, they have others there. What it
 * gives back is to be sent piece by piece: a table may be large. Undefined: the system's bridge has said all.
 */
export async function showFdb(
  { selector, output, argv }: FdbShow,
  target: FdbTarget,
  say: Say,
): Promise<Iterable<string> | undefined> {
  const device = selector.dev === undefined ? undefined : target.find(selector.dev);
  if (selector.dev !== undefined && device?.vxlan === undefined) {
    await target.bridge(argv, say);
    return undefined;
  }
  const hosts = await textOf((to) => target.bridge(argv, to), say);
  // It may have gone meanwhile, and its place be another's.
  if (device && target.find(device.name) !== device) throw new CommandError(`Cannot find device "${device.name}"`, 255);
  const shown = device ? [device] : target.list().filter(({ vxlan }) => vxlan !== undefined);
  const names = new Set(shown.map(({ name }) => name));
  const theirs = partsOf(hosts, output).filter((part) => !isOwn(part, device?.name, names, output));
  const wanted = device ? { ...selector, dev: device.name } : selector;
  const tables = shown.map((one) => target.forwarding.each(one));
  const pieces = output.json ? jsonPieces : textPieces;
  return pieces(theirs, tables, wanted, { selector, output });
}

function* selected(tables: readonly Iterable<FdbEntryState>[], wanted: FdbSelector): Generator<FdbEntryState> {
  for (const table of tables) for (const entry of table) if (isFdbShown(entry, wanted)) yield entry;
}

type Tables = readonly Iterable<FdbEntryState>[];

function* textPieces(
  theirs: readonly string[],
  tables: Tables,
  wanted: FdbSelector,
  { selector, output }: Pick<FdbShow, 'selector' | 'output'>,
): Generator<string> {
  yield* theirs;
  yield* fdbPieces(selected(tables, wanted), selector, output);
}

function* jsonPieces(
  theirs: readonly string[],
  tables: Tables,
  wanted: FdbSelector,
  { selector, output }: Pick<FdbShow, 'selector' | 'output'>,
): Generator<string> {
  let lead = output.pretty ? '[ ' : '[';
  let end = output.pretty ? '[ ]\n' : '[]\n';
  const objects = function* (): Generator<string> {
    yield* theirs;
    for (const entry of selected(tables, wanted)) yield* objectsIn(printFdb([entry], selector, output));
  };
  for (const object of objects()) {
    yield lead + object;
    lead = ',';
    end = output.pretty ? ' ]\n' : ']\n';
  }
  yield end;
}

/** The entries of a printed table, each as it is written. */
function partsOf(text: string, { json }: OutputOptions): string[] {
  return json ? objectsIn(text) : text.split(/(?<=\n)/).filter((line) => line !== '');
}

/** Whether the host says an entry of a vxlan device itself, which as a TAP has some; a bridge's are the bridge's. */
function isOwn(part: string, asked: string | undefined, names: ReadonlySet<string>, { json }: OutputOptions): boolean {
  if (json) {
    const entry = JSON.parse(part) as { ifname?: string; master?: string };
    return names.has(entry.ifname ?? asked ?? '') && entry.master === undefined;
  }
  const words = part.trim().split(/\s+/);
  const dev = words[words.indexOf('dev') + 1] ?? '';
  return names.has(words.includes('dev') ? dev : (asked ?? '')) && !words.includes('master');
}
