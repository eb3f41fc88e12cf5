/** What `vtep run` is told of rights and peers: words of the command line, checked as far as they can be there. */
import { InvalidArgumentError } from 'commander';
import type { Keepable } from '../control/rights.js';

const NAMES: readonly Keepable[] = ['net_admin', 'net_raw', 'net_bind_service'];

/** `--keep-caps LIST`; with or without CAP_, in whatever case. */
export function keptCapabilities(list: string): readonly Keepable[] {
  return list.split(',').map((word) => {
    const plain = word.toLowerCase().replace(/^cap_/, '');
    const name = NAMES.find((one) => one === plain);
    if (name === undefined) throw new InvalidArgumentError(`"${word}" is none of ${NAMES.join(', ')}.`);
    return name;
  });
}
