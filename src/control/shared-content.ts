/**
 * What actions say, as one object for all that say the same. Filters come by the million; the devices that they send
 * to, the tunnels that they set and the verdicts that they end with are few.
 */
import type { ActionDetail, Control, TunnelKeySet } from '../iproute/commands.js';

/** What an action says, but for its index. */
export type ActionContent = ActionDetail & { readonly cookie?: Uint8Array };

/** The object for all that say the same, where that is likely; it must not be written to. */
export function sharedContent(spec: ActionContent & { readonly index?: number }): ActionContent {
  const text = textOf(spec);
  const known = text === undefined ? undefined : contents.get(text);
  if (known) return known;
  const content = contentOf(spec);
  if (text === undefined) return content;
  // Those that are forgotten go on serving the actions that have them.
  if (contents.size >= MOST) contents.clear();
  contents.set(text, content);
  return content;
}

/** Whether it may be one that several actions say, which have the same words to run then. */
export function isShared(content: ActionContent): boolean {
  if (content.cookie !== undefined) return false;
  if (content.kind === 'gact') return content.random === undefined;
  return content.kind === 'mirred' || content.kind === 'tunnel_key';
}

const MOST = 16_384;
const contents = new Map<string, ActionContent>();
const addresses = new Map<string, Uint8Array>();

function contentOf(spec: ActionContent & { readonly index?: number }): ActionContent {
  if (spec.kind === 'tunnel_key' && spec.mode === 'set' && spec.cookie === undefined) return tunnelOf(spec);
  const { index: _, ...content } = spec;
  return content;
}

/** Written out: what spreading makes is several times as large. */
function tunnelOf(spec: TunnelKeySet): TunnelKeySet {
  const { kind, mode, id, dstPort, tos, ttl, csum, noFrag, gbp, control } = spec;
  const srcIp = addressOf(spec.srcIp);
  const dstIp = addressOf(spec.dstIp);
  const isUsual = id !== undefined && dstPort !== undefined && tos === undefined && ttl === undefined;
  if (isUsual && gbp === undefined) return { kind, mode, srcIp, dstIp, id, dstPort, csum, noFrag, control };
  return {
    ...{ kind, mode, srcIp, dstIp, csum, noFrag, control },
    ...(id !== undefined && { id }),
    ...(dstPort !== undefined && { dstPort }),
    ...(tos !== undefined && { tos }),
    ...(ttl !== undefined && { ttl }),
    ...(gbp !== undefined && { gbp }),
  };
}

function addressOf(bytes: Uint8Array): Uint8Array {
  const text = bytesText(bytes);
  const known = addresses.get(text);
  if (known) return known;
  if (addresses.size >= MOST) addresses.clear();
  addresses.set(text, bytes);
  return bytes;
}

/** The whole of what is said; undefined where it is hardly said twice. */
function textOf(spec: ActionContent): string | undefined {
  if (!isShared(spec)) return undefined;
  const control = controlText(spec.control);
  switch (spec.kind) {
    case 'mirred':
      return `${spec.direction} ${spec.mode} ${control} ${spec.dev}`;
    case 'tunnel_key': {
      if (spec.mode === 'unset') return `unset ${control}`;
      const { id, dstPort, tos, ttl, csum, noFrag, gbp } = spec;
      const words = `${id} ${dstPort} ${tos} ${ttl} ${csum} ${noFrag} ${gbp} ${control}`;
      return `set ${bytesText(spec.srcIp)} ${bytesText(spec.dstIp)} ${words}`;
    }
    case 'gact':
      return control;
    default:
      return undefined;
  }
}

/** A character a byte, behind their number. */
function bytesText(bytes: Uint8Array): string {
  return `${bytes.length} ${String.fromCharCode(...bytes)}`;
}

function controlText(control: Control): string {
  if (control.type === 'goto') return `goto ${control.chain}`;
  return control.type === 'jump' ? `jump ${control.count}` : control.type;
}
