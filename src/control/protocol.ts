/**
 * The control socket's protocol: one JSON object a line, UTF-8, in both directions (docs/control-socket.md).
 *
 *   → {"argv": ["tc", "-s", "filter", "show", "dev", "vxlan0", "ingress"]}
 *   ← {"out": "filter protocol ip pref 1 flower chain 0 \n…"}     any number, in order
 *   ← {"err": "Cannot find device \"vxlan9\"\n"}                   any number
 *   ← {"data": "Cg0NCg…"}                                         any number: bytes of a file, in base64 (capture)
 *   ← {"exit": 0}                                                  once, last
 *
 * A connection may carry any number of requests, one after the other. A batch is one request for many commands, put in
 * force together at its end:
 *
 *   → {"batch": {"tool": "tc", "options": ["-s"], "lines": [["filter", "add", …], …], "force": false}}
 *   ← {"out": …} and {"err": …}
 *   ← {"failed": 17}     the command lines[17] failed; what it said on stderr has come before
 *   ← {"exit": 1}        0 where none failed
 *
 * Without `force` the first failure ends the batch; the commands before it stay. `options` are the tool's, for every
 * line. Where `tool` is null each line begins with its tool. `"atomic": true` carries out all or nothing, `"dryRun": true`
 * only says the difference; with `"more": true` the batch goes on in the next request, and is carried out with the last.
 */

/** Longest request line in characters; a longer one is answered with an error and the connection is closed. */
export const MAX_REQUEST = 1024 * 1024;

export type Tool = 'ip' | 'tc' | 'bridge';

/** Many commands at once. */
export interface Batch {
  readonly tool: Tool | null;
  readonly options: readonly string[];
  readonly lines: readonly (readonly string[])[];
  readonly force: boolean;
  /** All or nothing. */
  readonly atomic?: boolean;
  /** Only says what would change. */
  readonly dryRun?: boolean;
  /** The next batch of this connection goes on with it; nothing is carried out before the last part has come. */
  readonly more?: boolean;
}

export type Request = { readonly argv: readonly string[] } | { readonly batch: Batch };

export type Reply =
  | { readonly out: string }
  | { readonly err: string }
  /** Bytes of a file, in base64. */
  | { readonly data: string }
  | { readonly failed: number }
  | { readonly exit: number };

/**
 * Takes a reply. What it gives back is to be awaited, where anything, before there are more: then whoever reads is
 * slower than what is said. Rejects where nobody reads any more.
 */
export interface Say {
  (reply: Reply): Promise<void> | undefined;
  /** Tells when nobody reads any more, where that can be told; to be asked for only while something is waited for. */
  readonly gone?: () => AbortSignal;
}

/** A say of another's, for the same client. */
export function sayingAs(client: Say, say: (reply: Reply) => Promise<void> | undefined): Say {
  return client.gone ? Object.assign(say, { gone: client.gone }) : say;
}

/** A request from a line, or a sentence that says what is wrong with it. */
export function parseRequest(line: string): Request | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the request is not JSON';
  }
  if (!isObject(value)) return 'the request is not an object';
  const { argv, batch } = value;
  if (batch !== undefined) return parseBatch(batch);
  if (!Array.isArray(argv)) return 'the request has no list "argv"';
  if (!isWords(argv)) return '"argv" holds something else than strings';
  return { argv };
}

function parseBatch(value: unknown): Request | string {
  if (!isObject(value)) return '"batch" is not an object';
  const { tool = null, options = [], lines, force = false, atomic = false, dryRun = false, more = false } = value;
  if (tool !== null && tool !== 'ip' && tool !== 'tc' && tool !== 'bridge') {
    return '"tool" is neither "ip", "tc", "bridge" nor null';
  }
  if (!isWords(options)) return '"options" is not a list of strings';
  if (tool === null && options.length > 0) return '"options" are those of a "tool"';
  if (!Array.isArray(lines) || !lines.every(isWords)) return '"lines" is not a list of lists of strings';
  if (typeof force !== 'boolean') return '"force" is neither true nor false';
  if (typeof atomic !== 'boolean' || typeof dryRun !== 'boolean' || typeof more !== 'boolean') {
    return '"atomic", "dryRun" and "more" are true or false';
  }
  const transaction = { ...(atomic && { atomic }), ...(dryRun && { dryRun }), ...(more && { more }) };
  return { batch: { tool, options, lines, force, ...transaction } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

/** A reply from a line; undefined where it is none. */
export function parseReply(line: string): Reply | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { out, err, data, failed, exit } = value;
  if (typeof out === 'string') return { out };
  if (typeof err === 'string') return { err };
  if (typeof data === 'string') return { data };
  if (Number.isInteger(failed)) return { failed: Number(failed) };
  return Number.isInteger(exit) ? { exit: Number(exit) } : undefined;
}

export function replyLine(reply: Reply): string {
  return `${JSON.stringify(reply)}\n`;
}
