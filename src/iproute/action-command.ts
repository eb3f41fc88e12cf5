/** The commands that make actions: the way back from state to the grammar. */
import { formatIp, formatMac } from './address.js';
import { formatClassId } from './class-id.js';
import type { ActionSpec, Control, Police, Skbedit, TunnelKeySet, VlanPop, VlanPushEth, VlanTag } from './commands.js';
import { formatEtherType } from './ether-type.js';
import { formatHex } from './numbers.js';
import { amountOfTicks } from './rates.js';

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

function vlanWords(spec: VlanPop | VlanTag | VlanPushEth): string[] {
  switch (spec.mode) {
    case 'push':
    case 'modify': {
      const priority = spec.priority === undefined ? [] : ['priority', `${spec.priority}`];
      return [spec.mode, 'id', `${spec.id}`, 'protocol', formatEtherType(spec.protocol), ...priority];
    }
    case 'push_eth':
      return [spec.mode, 'dst_mac', formatMac(spec.dstMac), 'src_mac', formatMac(spec.srcMac)];
    default:
      return [spec.mode];
  }
}

function skbeditWords({ queueMapping, priority, mark, mask, inheritDsField }: Skbedit): string[] {
  return [
    ...(queueMapping === undefined ? [] : ['queue_mapping', `${queueMapping}`]),
    ...(priority === undefined ? [] : ['priority', formatClassId(priority)]),
    ...(mark === undefined ? [] : ['mark', mask === undefined ? `${mark}` : `${mark}/${mask}`]),
    ...(inheritDsField ? ['inheritdsfield'] : []),
  ];
}

/** Sizes that a bucket is read back as: of ticks, the bytes or packets that give as many again. */
function bucketWords(name: string, rate: number, ticks: number): string[] {
  return [name, `${amountOfTicks(rate, ticks)}`];
}

function policeWords(spec: Police): string[] {
  const { rate, burst = 0, peakRate, mtu, mpu, overhead, linkLayer, packetRate, packetBurst = 0 } = spec;
  return [
    ...(rate === undefined ? [] : ['rate', `${rate}bps`, ...bucketWords('burst', rate, burst)]),
    ...(peakRate === undefined ? [] : ['peakrate', `${peakRate}bps`]),
    ...(packetRate === undefined
      ? []
      : ['pkts_rate', `${packetRate}`, ...bucketWords('pkts_burst', packetRate, packetBurst)]),
    ...['mtu', `${mtu}`],
    ...(mpu === 0 ? [] : ['mpu', `${mpu}`]),
    ...(overhead === 0 ? [] : ['overhead', `${overhead}`]),
    ...(linkLayer === 'ethernet' ? [] : ['linklayer', linkLayer]),
    ...['conform-exceed', ...controlWords(spec.control), '/', ...controlWords(spec.conform)],
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
    case 'vlan':
      return [spec.kind, ...vlanWords(spec), ...controlWords(spec.control)];
    case 'pedit':
      return [spec.kind, ...spec.words, ...controlWords(spec.control)];
    case 'csum':
      return [spec.kind, ...spec.targets, ...controlWords(spec.control)];
    case 'skbedit':
      return [spec.kind, ...skbeditWords(spec), ...controlWords(spec.control)];
    case 'police':
      return [spec.kind, ...policeWords(spec)];
    case 'sample': {
      const truncate = spec.truncate === undefined ? [] : ['trunc', `${spec.truncate}`];
      return [spec.kind, 'rate', `${spec.rate}`, 'group', `${spec.group}`, ...truncate, ...controlWords(spec.control)];
    }
    case 'custom':
      return [spec.name, ...controlWords(spec.control)];
    case 'simple':
      return [spec.kind, 'sdata', spec.data, ...controlWords(spec.control)];
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
