import type { ActionDetail, ActionReference } from './action-types.js';

/** A refusal of the kernel: in its own sentence (`Error: ….`), or a plain errno (`RTNETLINK answers: …`). */
export type KernelRefusal = { readonly sentence: string } | { readonly answers: string };

const INVALID: KernelRefusal = { answers: 'Invalid argument' };

/** What the kernel makes of an index alone that no action has: all else is zero to it. */
export function withoutDetails({ of }: ActionReference): ActionDetail | KernelRefusal {
  switch (of) {
    case 'gact':
      return { kind: 'gact', control: { type: 'pass' } };
    case 'police': {
      const none = { mtu: 0xffffffff, mpu: 0, overhead: 0, linkLayer: 'ethernet' } as const;
      return { kind: 'police', ...none, conform: { type: 'pass' }, control: { type: 'reclassify' } };
    }
    case 'mirred':
      return { sentence: 'act_mirred: Unknown mirred option' };
    case 'tunnel_key':
      return { sentence: 'Unknown tunnel key action' };
    case 'pedit':
      return { sentence: 'act_pedit: Pedit requires keys to be passed' };
    case 'sample':
      return { sentence: 'sample rate and group are required' };
    default:
      return INVALID;
  }
}

export function isRefusal<T extends ActionDetail>(detail: T | KernelRefusal): detail is KernelRefusal {
  return !('kind' in detail);
}

/** As tc prints it, without what comes behind. */
export function refusalText(refusal: KernelRefusal): string {
  return 'sentence' in refusal ? `Error: ${refusal.sentence}.` : `RTNETLINK answers: ${refusal.answers}`;
}
