/** What is of each kind of action, as iproute2's m_*.c print it: from its name to the line of its index. */
import { formatIp, formatMac } from './address.js';
import { formatClassId } from './class-id.js';
import type {
  ActionState,
  Control,
  Csum,
  Gact,
  Mirred,
  Pedit,
  Police,
  Sample,
  Skbedit,
  TunnelKeySet,
  VlanPop,
  VlanPushEth,
  VlanTag,
} from './commands.js';
import { formatEtherType } from './ether-type.js';
import type { Printer } from './printer.js';
import { amountOf, formatRate, formatSize } from './rates.js';

function printControl(printer: Printer, control: Control): void {
  printer.beginObject('control_action');
  printer.field('type', control.type, control.type);
  if (control.type === 'goto') {
    printer.field('chain', control.chain, ` chain ${control.chain}`);
  } else if (control.type === 'jump') {
    printer.field('jump', control.count, ` ${control.count}`);
  }
  printer.endObject();
}

function printEncapsulation(printer: Printer, action: TunnelKeySet): void {
  const { srcIp, dstIp, id, dstPort, gbp, csum, noFrag, tos = 0, ttl = 0 } = action;
  printer.field('src_ip', formatIp(srcIp), `\n\tsrc_ip ${formatIp(srcIp)}`);
  printer.field('dst_ip', formatIp(dstIp), `\n\tdst_ip ${formatIp(dstIp)}`);
  if (id !== undefined) {
    printer.field('key_id', id, `\n\tkey_id ${id}`);
  }
  if (dstPort !== undefined && dstPort !== 0) {
    printer.field('dst_port', dstPort, `\n\tdst_port ${dstPort}`);
  }
  if (gbp !== undefined) {
    printer.text(`\n\tvxlan_opts ${gbp}`);
    printer.beginArray('vxlan_opts');
    printer.beginObject();
    printer.json('gbp', gbp);
    printer.endObject();
    printer.endArray();
  }
  const flag = csum ? 'csum' : 'nocsum';
  printer.field('flag', flag, `\n\t${flag}`);
  if (noFrag) {
    printer.field('nofrag', true, '\n\tnofrag');
  }
  if (tos !== 0) {
    printer.field('tos', tos, `\n\ttos 0x${tos.toString(16)}`);
  }
  if (ttl !== 0) {
    printer.field('ttl', ttl, `\n\tttl ${ttl}`);
  }
}

function printMirred(printer: Printer, { direction, mode, dev, control }: Mirred): void {
  const title = `${direction === 'egress' ? 'Egress' : 'Ingress'} ${mode === 'redirect' ? 'Redirect' : 'Mirror'}`;
  printer.text(`(${title}`);
  printer.json('mirred_action', mode);
  printer.json('direction', direction);
  printer.field('to_dev', dev, ` to device ${dev})`);
  printer.text(' ');
  printControl(printer, control);
}

function printGact(printer: Printer, { control, random }: Gact): void {
  printer.text('action ');
  printControl(printer, control);
  printer.beginObject('prob');
  const type = random?.type ?? 'none';
  printer.field('random_type', type, `\n\t random type ${type}`);
  printer.text(' ');
  printControl(printer, random?.control ?? { type: 'pass' });
  const value = random?.value ?? 0;
  printer.field('val', value, ` val ${value}`);
  printer.endObject();
}

function printVlan(printer: Printer, action: VlanPop | VlanTag | VlanPushEth): void {
  printer.field('vlan_action', action.mode, ` ${action.mode}`);
  if (action.mode === 'push' || action.mode === 'modify') {
    const { id, protocol, priority } = action;
    printer.field('id', id, ` id ${id}`);
    printer.field('protocol', formatEtherType(protocol), ` protocol ${formatEtherType(protocol)}`);
    if (priority !== undefined) {
      printer.field('priority', priority, ` priority ${priority}`);
    }
  } else if (action.mode === 'push_eth') {
    const [dst, src] = [formatMac(action.dstMac), formatMac(action.srcMac)];
    printer.field('dst_mac', dst, ` dst_mac ${dst}`);
    printer.field('src_mac', src, ` src_mac ${src}`);
  }
  printer.text(' ');
  printControl(printer, action.control);
}

function printPedit(printer: Printer, { keys, control }: Pedit): void {
  printer.text('action ');
  printControl(printer, control);
  printer.field('nkeys', keys.length, ` keys ${keys.length}`);
}

function hex(value: number): string {
  return value.toString(16);
}

/** The lines behind the index. */
export function printPeditKeys(printer: Printer, { keys }: Pedit): void {
  printer.beginArray('keys');
  for (const [i, { header, command, offset, value, mask }] of keys.entries()) {
    const sign = header !== 'network' && offset >= 0 ? '+' : '';
    printer.beginObject();
    printer.text(`\n\t key #${i}  at `);
    printer.field('htype', header, header === 'network' ? '' : header);
    printer.field('offset', offset, `${sign}${offset}`);
    printer.field('cmd', command, `: ${command === 'add' ? 'add' : 'val'}`);
    printer.field('val', hex(value), ` ${hex(value).padStart(8, '0')}`);
    printer.field('mask', hex(mask), ` mask ${hex(mask).padStart(8, '0')}`);
    printer.endObject();
  }
  printer.endArray();
}

function printCsum(printer: Printer, { targets, control }: Csum): void {
  const list = targets.join(', ');
  printer.field('csum', list, `(${list}) `);
  printer.text('action ');
  printControl(printer, control);
}

function printSkbedit(printer: Printer, action: Skbedit): void {
  const { queueMapping, priority, mark, mask, inheritDsField, control } = action;
  if (queueMapping !== undefined) {
    printer.field('queue_mapping', queueMapping, `queue_mapping ${queueMapping}`);
  }
  if (priority !== undefined) {
    printer.field('priority', formatClassId(priority), ` priority ${formatClassId(priority)}`);
  }
  if (mark !== undefined) {
    printer.field('mark', mark, ` mark ${mark}`);
  }
  if (mask !== undefined) {
    printer.field('mask', hex(mask), `/${mask === 0 ? '0' : `0x${hex(mask)}`}`);
  }
  if (inheritDsField) {
    printer.field('inheritdsfield', null, ' inheritdsfield');
  }
  printer.text(' ');
  printControl(printer, control);
}

function printPolice(printer: Printer, action: Police, index: number): void {
  const { rate = 0, burst = 0, mtu, peakRate, packetRate, packetBurst = 0, overhead, linkLayer } = action;
  printer.text(` police 0x${hex(index)} `);
  printer.json('kind', 'police');
  printer.json('index', index);
  printer.text(`rate ${formatRate(rate)} burst ${formatSize(amountOf(rate, burst))} mtu ${formatSize(mtu)} `);
  if (peakRate !== undefined) {
    printer.text(`peakrate ${formatRate(peakRate)} `);
  }
  if (packetRate !== undefined) {
    const packets = amountOf(packetRate, packetBurst);
    printer.field('pkts_rate', packetRate, `pkts_rate ${packetRate} `);
    printer.field('pkts_burst', packets, `pkts_burst ${packets} `);
  }
  printer.text('action ');
  printControl(printer, action.control);
  // To the kernel pass is 0, and what is 0 it does not tell.
  if (action.conform.type !== 'pass') {
    printer.text('/');
    printControl(printer, action.conform);
  }
  printer.text(' ');
  printer.field('overhead', overhead, `overhead ${formatSize(overhead)} `);
  if (linkLayer !== 'ethernet') {
    printer.field('linklayer', linkLayer, `linklayer ${linkLayer} `);
  }
}

function printSample(printer: Printer, { rate, group, truncate, control }: Sample): void {
  printer.field('rate', rate, `rate 1/${rate} `);
  printer.field('group', group, `group ${group}`);
  if (truncate !== undefined) {
    printer.field('trunc_size', truncate, ` trunc_size ${truncate}`);
  }
  printer.text(' ');
  printControl(printer, control);
}

/** Up to the line of the index. */
export function printKind(printer: Printer, { spec }: ActionState): void {
  if (spec.kind === 'simple') {
    printer.field('simple', spec.data, `Simple <${spec.data}>`);
    return;
  }
  if (spec.kind === 'custom') {
    printer.field('kind', spec.name, `${spec.name} `);
    printControl(printer, spec.control);
    return;
  }
  if (spec.kind === 'police') {
    printPolice(printer, spec, spec.index);
    return;
  }
  printer.field('kind', spec.kind, spec.kind === 'pedit' ? ' pedit ' : `${spec.kind} `);
  switch (spec.kind) {
    case 'tunnel_key':
      printer.field('mode', spec.mode, ` ${spec.mode}`);
      if (spec.mode === 'set') {
        printEncapsulation(printer, spec);
      }
      printer.text(' ');
      printControl(printer, spec.control);
      break;
    case 'mirred':
      printMirred(printer, spec);
      break;
    case 'vlan':
      printVlan(printer, spec);
      break;
    case 'pedit':
      printPedit(printer, spec);
      break;
    case 'csum':
      printCsum(printer, spec);
      break;
    case 'skbedit':
      printSkbedit(printer, spec);
      break;
    case 'sample':
      printSample(printer, spec);
      break;
    default:
      printGact(printer, spec);
  }
}
