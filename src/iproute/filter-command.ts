/** The command that makes a filter: the way back from state to the grammar. */
import { formatIp } from './address.js';
import { formatClassId } from './class-id.js';
import type { ActionState, Control, FilterState, FlowerKey, TunnelKeySet } from './commands.js';
import { etherTypeName } from './ether-type.js';
import { flowerKey } from './flower-keys.js';
import { flowerValues } from './flower-values.js';
import { formatHex } from './numbers.js';

function controlWords(control: Control): string[] {
  if (control.type === 'goto') {
    return ['goto', 'chain', `${control.chain}`];
  }
  return control.type === 'jump' ? ['jump', `${control.count}`] : [control.type];
}

function keyWords(key: FlowerKey): string[] {
  const row = flowerKey(key.name);
  if (row === undefined || row.kind === 'ether-type') {
    return [];
  }
  if (row.kind === 'ip-address' && key.mask.every((byte) => byte === 0)) {
    return [key.name, `${formatIp(key.value)}/0`];
  }
  const formatted = flowerValues[row.kind].format(key);
  if (formatted.type === 'string' && row.kind === 'ip-proto' && formatted.text.startsWith('icmp')) {
    // By name, tc takes each with its own protocol only.
    return [key.name, formatHex(key.value)];
  }
  if (formatted.type === 'string') {
    return [key.name, formatted.text];
  }
  // tc takes an inner port 0 only with a mask.
  const { value, mask = row.kind === 'port' && formatted.value === 0 ? 0xffff : undefined } = formatted;
  return [key.name, mask === undefined ? `${value}` : `${value}/0x${mask.toString(16)}`];
}

function encapsulationWords({ srcIp, dstIp, id, dstPort, tos, ttl, csum, noFrag }: TunnelKeySet): string[] {
  return [
    ...['src_ip', formatIp(srcIp), 'dst_ip', formatIp(dstIp)],
    ...(id === undefined ? [] : ['id', `${id}`]),
    ...(dstPort === undefined ? [] : ['dst_port', `${dstPort}`]),
    ...(tos === undefined ? [] : ['tos', `${tos}`]),
    ...(ttl === undefined ? [] : ['ttl', `${ttl}`]),
    csum ? 'csum' : 'nocsum',
    ...(noFrag ? ['nofrag'] : []),
  ];
}

function kindWords({ spec }: ActionState): string[] {
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
    default: {
      const { control, random } = spec;
      const randomWords = random && ['random', random.type, ...controlWords(random.control), `${random.value}`];
      return [spec.kind, ...controlWords(control), ...(randomWords ?? [])];
    }
  }
}

function actionWords(action: ActionState): string[] {
  const { index, cookie } = action.spec;
  return [
    ...['action', ...kindWords(action), 'index', `${index}`],
    ...(cookie === undefined ? [] : ['cookie', formatHex(cookie)]),
  ];
}

/**
 * The words, after `tc`, of the command that adds the filter as it is, what the daemon chose included. Parsing them
 * gives the filter back.
 */
export function filterCommand(filter: FilterState): string[] {
  const { dev, parent, protocol, pref, chain, handle, keys, skipHw, classid, actions } = filter;
  return [
    ...['filter', 'add', 'dev', dev, ...(parent === 'ffff:' ? ['parent', parent] : [parent])],
    ...[
      'protocol',
      etherTypeName(protocol) ?? `${protocol}`,
      'pref',
      `${pref}`,
      'chain',
      `${chain}`,
      'handle',
      `${handle}`,
      'flower',
    ],
    ...(skipHw ? ['skip_hw'] : []),
    ...keys.flatMap(keyWords),
    ...(classid === undefined ? [] : ['classid', formatClassId(classid)]),
    ...actions.flatMap(actionWords),
  ];
}
