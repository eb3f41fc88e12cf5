/** The commands that make actions: the way back from state to the grammar. */
import { formatIp } from './address.js';
import type { ActionSpec, Control, TunnelKeySet } from './commands.js';
import { formatHex } from './numbers.js';

function controlWords(control: Control): string[] {
  if (control.type === 'goto') {
    return ['goto', 'chain', `${control.chain}`];
  }
  return control.type === 'jump' ? ['jump', `${control.count}`] : [control.type];
}

function encapsulationWords({ srcIp, dstIp, id, dstPort, gbp, tos, ttl, csum, noFrag }: TunnelKeySet): string[] {
  return [
    ...['src_ip', formatIp(srcIp), 'dst_ip', formatIp(dstIp)],
    ...(id === undefined ? [] : ['id', `${id}`]),
    ...(dstPort === undefined ? [] : ['dst_port', `${dstPort}`]),
    ...(gbp === undefined ? [] : ['vxlan_opts', `${gbp}`]),
    ...(tos === undefined ? [] : ['tos', `${tos}`]),
    ...(ttl === undefined ? [] : ['ttl', `${ttl}`]),
    csum ? 'csum' : 'nocsum',
    ...(noFrag ? ['nofrag'] : []),
  ];
}

function kindWords(spec: ActionSpec): string[] {
  switch (spec.kind) {
    case 'tunnel_key':
      return [
        spec.kind,
        spec.mode,
        ...(spec.mode === 'set' ? encapsulationWords(spec) : []),
        ...controlWords(spec.control),
      ];
    case 'mirred':
      // A redirect's control cannot be typed.
      return [
        ...[spec.kind, spec.direction, spec.mode, 'dev', spec.dev],
        ...(spec.mode === 'mirror' ? controlWords(spec.control) : []),
      ];
    case 'reference':
      return [spec.of];
    default: {
      const { control, random } = spec;
      const randomWords = random && ['random', random.type, ...controlWords(random.control), `${random.value}`];
      return [spec.kind, ...controlWords(control), ...(randomWords ?? [])];
    }
  }
}

/** `action`, and the words of one action. */
export function actionWords(spec: ActionSpec): string[] {
  const { index, cookie } = spec;
  return [
    ...['action', ...kindWords(spec), ...(index === undefined ? [] : ['index', `${index}`])],
    ...(cookie === undefined ? [] : ['cookie', formatHex(cookie)]),
  ];
}

/**
 * The words, after `tc`, of the command that adds the action by itself. Parsing them gives the action back. (One
 * whose control is `goto chain` can only be made within a filter.)
 */
export function actionCommand(spec: ActionSpec): string[] {
  return ['actions', 'add', ...actionWords(spec)];
}
