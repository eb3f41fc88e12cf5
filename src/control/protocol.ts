/**
 * The control socket's protocol: one JSON object a line, UTF-8, in both directions.
 *
 *   → {"argv": ["tc", "-s", "filter", "show", "dev", "vxlan0", "ingress"]}
 *   ← {"out": "filter protocol ip pref 1 flower chain 0 \n…"}     any number, in order
 *   ← {"err": "Cannot find device \"vxlan9\"\n"}                   any number
 *   ← {"exit": 0}                                                  once, last
 *
 * A connection may carry any number of requests, one after the other.
 */

/** Longest request line in characters; a longer one is answered with an error and the connection is closed. */
export const MAX_REQUEST = 1024 * 1024;

export interface Request {
  readonly argv: readonly string[];
}

export type Reply = { readonly out: string } | { readonly err: string } | { readonly exit: number };

/** A request from a line, or a sentence that says what is wrong with it. */
export function parseRequest(line: string): Request | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the request is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'the request is not an object';
  const argv: unknown = (value as Record<string, unknown>).argv;
  if (!Array.isArray(argv)) return 'the request has no list "argv"';
  if (!argv.every((word): word is string => typeof word === 'string'))
    return '"argv" holds something else than strings';
  return { argv };
}

/** A reply from a line; undefined where it is none. */
export function parseReply(line: string): Reply | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { out, err, exit } = value as Record<string, unknown>;
  if (typeof out === 'string') return { out };
  if (typeof err === 'string') return { err };
  return Number.isInteger(exit) ? { exit: Number(exit) } : undefined;
}

export function replyLine(reply: Reply): string {
  return `${JSON.stringify(reply)}\n`;
}
