/** Actions of a filter, as m_tunnel_key.c, m_mirred.c, m_gact.c and m_action.c of iproute2 print them. */
import { formatIp } from './address.js';
import type { ActionState, ActionStatistics, Control, Gact, Mirred, TunnelKeySet } from './commands.js';
import { formatHex } from './numbers.js';
import type { Printer } from './printer.js';

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
    printer.text('\n\tvxlan_opts ');
    printer.beginArray('vxlan_opts');
    printer.beginObject();
    printer.field('gbp', gbp, `${gbp}`);
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

function printKind(printer: Printer, { spec }: ActionState): void {
  printer.field('kind', spec.kind, `${spec.kind} `);
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
    default:
      printGact(printer, spec);
  }
}

function printTimes(printer: Printer, { installed, lastUsed, firstUsed }: ActionStatistics): void {
  printer.field('installed', installed, ` installed ${installed} sec`);
  printer.field('last_used', lastUsed, ` used ${lastUsed} sec`);
  if (firstUsed !== undefined) {
    printer.field('first_used', firstUsed, ` firstused ${firstUsed} sec`);
  }
}

function printCounters(printer: Printer, { bytes, packets, drops, overlimits, requeues }: ActionStatistics): void {
  printer.text('\tAction statistics:\n\t');
  printer.beginObject('stats');
  printer.field('bytes', bytes, `Sent ${bytes} bytes`);
  printer.field('packets', packets, ` ${packets} pkt`);
  printer.field('drops', drops, ` (dropped ${drops}`);
  printer.field('overlimits', overlimits, `, overlimits ${overlimits}`);
  printer.field('requeues', requeues, ` requeues ${requeues}) `);
  // vtep's actions queue nothing.
  printer.field('backlog', 0, '\n\tbacklog 0b');
  printer.field('qlen', 0, ' 0p');
  printer.text(` requeues ${requeues}\n`);
  printer.endObject();
}

/** `order` counts from 1 in a filter. `printMore`: what follows within the action. */
export function printAction(
  printer: Printer,
  action: ActionState,
  order: number,
  printMore?: (printer: Printer) => void,
): void {
  const { spec, ref, bind, statistics } = action;
  printer.beginObject();
  printer.field('order', order, `\n\taction order ${order}: `);
  printKind(printer, action);
  printer.field('index', spec.index, `\n\t${spec.kind === 'mirred' ? '' : ' '}index ${spec.index}`);
  printer.field('ref', ref, ` ref ${ref}`);
  printer.field('bind', bind, ` bind ${bind}`);
  if (printer.options.statistics) {
    printTimes(printer, statistics);
  }
  printer.text('\n');
  if (printer.options.statistics) {
    printCounters(printer, statistics);
  }
  if (spec.cookie !== undefined) {
    const cookie = formatHex(spec.cookie);
    printer.field('cookie', cookie, `\tcookie ${cookie}\n`);
  }
  printMore?.(printer);
  printer.endObject();
}
