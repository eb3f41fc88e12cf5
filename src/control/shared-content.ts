import type { ActionDetail, Control } from '../iproute/commands.js';

type Content = ActionDetail & { readonly cookie?: Uint8Array };

/**
 * What an action says, without its index, as one object for all that say the same where that is likely: the kinds that
 * filters have by the million, unsetting tunnels, sending to one of few devices, dropping and passing.
 */
export function sharedContent(spec: Content & { readonly index?: number }): Content {
  const text = textOf(spec);
  const known = text === undefined ? undefined : contents.get(text);
  if (known) return known;
  const { index: _, ...content } = spec;
  if (text === undefined) return content;
  // Those that are forgotten go on serving the actions that have them.
  if (contents.size >= MOST) contents.clear();
  contents.set(text, content);
  return content;
}

/** Whether an object is of those that several actions may have. */
export function isShared(content: Content): boolean {
  if (content.cookie !== undefined) return false;
  if (content.kind === 'gact') return content.random === undefined;
  return content.kind === 'mirred' || (content.kind === 'tunnel_key' && content.mode === 'unset');
}

const MOST = 4096;
const contents = new Map<string, Content>();

/** The whole of what is said; undefined where it is hardly said twice. */
function textOf(spec: Content): string | undefined {
  if (!isShared(spec)) return undefined;
  switch (spec.kind) {
    case 'mirred':
      return `${spec.direction} ${spec.mode} ${controlText(spec.control)} ${spec.dev}`;
    case 'tunnel_key':
      return `unset ${controlText(spec.control)}`;
    case 'gact':
      return controlText(spec.control);
    default:
      return undefined;
  }
}

function controlText(control: Control): string {
  if (control.type === 'goto') return `goto ${control.chain}`;
  return control.type === 'jump' ? `jump ${control.count}` : control.type;
}
