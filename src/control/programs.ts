import {
  ACTION_WORDS,
  ActionKind,
  type ActionPrograms,
  ActionWord,
  MIRRED_INGRESS,
  MIRRED_REDIRECT,
  Verdict,
} from '../actions/program.js';
import type { ActionSpec, Control, TunnelKeySet } from '../iproute/commands.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import type { ActionInstance } from './action-table.js';
import { SharedWords } from './shared-words.js';

/** A program's place, to be given back when its rule is gone from every worker. */
export interface ProgramBlock {
  readonly at: number;
  readonly length: number;
  /** Tunnel records it owns. */
  readonly tunnels: readonly number[];
}

const verdicts = {
  pass: Verdict.OK,
  drop: Verdict.SHOT,
  pipe: Verdict.PIPE,
  continue: Verdict.CONTINUE,
  reclassify: Verdict.RECLASSIFY,
  stolen: Verdict.STOLEN,
  trap: Verdict.TRAP,
  goto: Verdict.GOTO,
  jump: Verdict.JUMP,
} as const;

/** Writes the action programs that the workers run. */
export class ProgramWriter {
  private readonly start = new SharedWords();
  private readonly words = new SharedWords();
  private readonly tunnels = new SharedWords();

  /** What a snapshot hands to the workers. */
  get published(): ActionPrograms {
    return { start: this.start.words, words: this.words.words, tunnels: this.tunnels.words };
  }

  /** Writes the program of rule `rule`. */
  write(rule: number, actions: readonly ActionInstance[]): ProgramBlock {
    const length = 1 + actions.length * ACTION_WORDS;
    const at = this.words.alloc(length);
    const records: number[] = [];
    const words = this.words.words;
    words.fill(0, at, at + length);
    words[at] = actions.length;
    actions.forEach((action, n) => {
      const to = at + 1 + n * ACTION_WORDS;
      const { spec } = action;
      words[to + ActionWord.CONTROL] = verdicts[spec.control.type];
      words[to + ActionWord.ARGUMENT] = controlArgument(spec.control);
      words[to + ActionWord.COUNTER] = action.row;
      words[to + ActionWord.KIND] = actionKind(spec);
      if (spec.kind === 'mirred') {
        words[to + ActionWord.A] = action.target;
        words[to + ActionWord.B] =
          (spec.mode === 'redirect' ? MIRRED_REDIRECT : 0) | (spec.direction === 'ingress' ? MIRRED_INGRESS : 0);
      } else if (spec.kind === 'tunnel_key' && spec.mode === 'set') {
        const record = this.tunnels.alloc(TUNNEL_WORDS) / TUNNEL_WORDS;
        writeTunnel(this.tunnels.words, record, spec);
        records.push(record);
        words[to + ActionWord.A] = record;
      }
    });
    this.start.ensure(rule + 1);
    this.start.words[rule] = at;
    return { at, length, tunnels: records };
  }

  /** Gives a program's place back. Only once no worker runs it any more. */
  release(block: ProgramBlock): void {
    this.words.release(block.at, block.length);
    for (const record of block.tunnels) this.tunnels.release(record * TUNNEL_WORDS, TUNNEL_WORDS);
  }
}

function actionKind(spec: ActionSpec): number {
  switch (spec.kind) {
    case 'gact':
      return ActionKind.GACT;
    case 'mirred':
      return ActionKind.MIRRED;
    case 'tunnel_key':
      return spec.mode === 'unset' ? ActionKind.TUNNEL_KEY_UNSET : ActionKind.TUNNEL_KEY_SET;
  }
}

function controlArgument(control: Control): number {
  if (control.type === 'goto') return control.chain | 0;
  return control.type === 'jump' ? control.count : 0;
}

function writeTunnel(words: Int32Array, record: number, spec: TunnelKeySet): void {
  const at = record * TUNNEL_WORDS;
  words.fill(0, at, at + TUNNEL_WORDS);
  words[at + TunnelWord.FLAGS] =
    (spec.id === undefined ? 0 : TUNNEL_KEY) | (spec.csum ? TUNNEL_CSUM : 0) | (spec.noFrag ? TUNNEL_DONT_FRAGMENT : 0);
  words[at + TunnelWord.VNI] = spec.id ?? 0;
  words[at + TunnelWord.DST_PORT] = spec.dstPort ?? 0;
  words[at + TunnelWord.TOS] = spec.tos ?? 0;
  words[at + TunnelWord.TTL] = spec.ttl ?? 0;
  words[at + TunnelWord.FAMILY] = spec.dstIp.length === 4 ? 4 : 6;
  writeAddress(words, at + TunnelWord.DST_IP, spec.dstIp);
  writeAddress(words, at + TunnelWord.SRC_IP, spec.srcIp);
}

function writeAddress(words: Int32Array, at: number, address: Uint8Array): void {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  for (let w = 0; w < address.length / 4; w++) words[at + w] = view.getInt32(w * 4);
}
