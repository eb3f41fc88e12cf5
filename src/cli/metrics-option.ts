import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** `--metrics [ADDR:]PORT`; an IPv6 address stands in brackets. Without an address loopback is meant. */
export function metricsAddress(word: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(\d{1,5})$/.exec(word) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) throw new InvalidArgumentError(`[ADDRESS:]PORT, as in 9789 or [::1]:9789.`);
  const host = bracketed ?? plain ?? '127.0.0.1';
  const family = isIP(host);
  if (family === 0 || (bracketed !== undefined) !== (family === 6))
    throw new InvalidArgumentError(`"${host}" is no address${family === 6 ? ' here without brackets' : ''}.`);
  return { host, port };
}
