import { changeVxlan } from '../iproute/change-vxlan.js';
import { CommandError, type VxlanChanges, type VxlanOptions } from '../iproute/commands.js';
import { VXLAN_AGEING } from '../iproute/vxlan-options.js';

/** Options as text; equal ones are equal. */
function text(options: VxlanOptions): string {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return entries
    .map(([name, value]) => `${name} ${value}`)
    .sort()
    .join();
}

/** Whether a device of `current` options already is, or by `ip link set` can become, one of `wanted` ones. */
export function canBecome(current: VxlanOptions, wanted: VxlanOptions): 'same' | 'changed' | 'other' {
  if (text(current) === text(wanted)) return 'same';
  const differing = Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => `${current[name as keyof VxlanOptions]}` !== `${value}`),
  );
  const neutral: VxlanChanges = {
    ...(current.ttl !== undefined && wanted.ttl === undefined && { ttl: 0 }),
    ...(current.tos !== undefined && wanted.tos === undefined && { tos: 0 }),
    ...(current.df !== undefined && wanted.df === undefined && { df: 'unset' }),
    ...(current.flowlabel !== undefined && wanted.flowlabel === undefined && { flowlabel: 0 }),
    ...(current.ageing !== undefined && wanted.ageing === undefined && { ageing: VXLAN_AGEING }),
    ...(current.learning !== undefined && wanted.learning === undefined && { learning: !wanted.external }),
    ...(current.localbypass !== undefined && wanted.localbypass === undefined && { localbypass: true }),
  };
  try {
    return text(changeVxlan(current, { ...differing, ...neutral })) === text(wanted) ? 'changed' : 'other';
  } catch (error) {
    if (error instanceof CommandError) return 'other';
    throw error;
  }
}
