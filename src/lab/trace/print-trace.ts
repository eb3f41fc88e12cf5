/** A trace as text: indented by what happened within what, wrapped to the width of a terminal. */
import type { PacketWords } from './packet-words.js';
import type {
  ActionReport,
  Change,
  HookReport,
  LookupReport,
  MissReport,
  OutputReport,
  ReasonReport,
  StepReport,
  TraceReport,
  VerdictReport,
} from './report.js';
import { outerWords } from './sentences.js';

export interface PrintOptions {
  /** Columns of the terminal; undefined: lines are not wrapped. */
  readonly width?: number;
  /** Print the frames too. */
  readonly hex?: boolean;
}

const NARROWEST = 40;
const INDENT = 2;
/** Bytes of a line of a dump. */
const DUMP_BYTES = 16;
/** A blank at which no line ends (U+00A0), until it is printed as any other. */
const TOGETHER = '\u00a0';

const VERDICTS: Readonly<Record<string, string>> = {
  continue: 'goes on with the next pref',
  pass: 'the filters let it go on',
  reclassify: 'begins again at chain 0',
  drop: 'the frame is dropped',
  pipe: 'the actions are through, and the frame goes on',
  stolen: 'the frame has gone elsewhere',
  trap: 'the frame is taken',
  goto: 'goes on in chain',
  function: 'a function of the program decides, which is not asked here; on as if it had changed nothing',
};

export function printTrace(report: TraceReport, options: PrintOptions = {}): string {
  const writer = new Writer(options);
  writer.input(report);
  writer.steps(report.steps, 0);
  writer.ends(report);
  return writer.text;
}

class Writer {
  text = '';
  private readonly width: number;
  private readonly isHex: boolean;

  constructor({ width, hex = false }: PrintOptions) {
    this.width = width === undefined ? Number.POSITIVE_INFINITY : Math.max(NARROWEST, width);
    this.isHex = hex;
  }

  input({ input }: TraceReport): void {
    const size = `${input.bytes.length / 2} bytes`;
    if (input.from === 'host') this.line(0, `the host sends a frame on ${input.device}: ${size}`);
    else {
      const outer = outerWords(Buffer.from(input.bytes, 'hex'));
      const ports = outer?.ports ? `, UDP port ${outer.ports.source} to ${outer.ports.destination}` : '';
      const vni = outer?.vni === undefined ? '' : `, VNI ${outer.vni}`;
      const way = outer ? `${outer.source} to ${outer.destination}${ports}${vni}` : 'no IP packet';
      this.line(0, `from the underlay: ${way}, ${size}`);
    }
    this.dump(1, input.bytes);
  }

  steps(steps: readonly StepReport[], depth: number): void {
    for (const step of steps) {
      switch (step.kind) {
        case 'hook':
          this.hook(step, depth);
          break;
        case 'lookup':
          this.lookup(step, depth);
          break;
        case 'action':
          this.action(step, depth);
          break;
        case 'verdict':
          this.verdict(step, depth);
          break;
        case 'reason':
          this.reason(step, depth);
          break;
      }
    }
  }

  ends({ taken, outputs, hints }: TraceReport): void {
    if (!taken) this.line(0, 'end: no device takes it');
    else if (outputs.length === 0) this.line(0, 'end: nothing leaves');
    for (const output of outputs) this.output(output);
    for (const hint of hints) this.line(0, `hint: ${hint}`);
  }

  private hook(
    { device, hook, filters, protocol, packet, metadata, bytes, steps, outcome }: HookReport,
    depth: number,
  ): void {
    this.line(depth, `${device} ${hook}, protocol ${protocol}`);
    this.line(depth + 1, `packet: ${wordsOf(packet)}`);
    this.dump(depth + 2, bytes);
    this.line(depth + 1, `metadata: ${metadata ? wordsOf(metadata) : 'none'}`);
    if (filters === 0) this.line(depth + 1, 'no filters');
    this.steps(steps, depth + 1);
    if (outcome === 'dropped') this.line(depth + 1, 'dropped here');
  }

  private lookup({ chain, from_pref, tried, missed, near_misses, match, agrees }: LookupReport, depth: number): void {
    const from = from_pref === 0 ? '' : ` from pref ${from_pref} on`;
    this.line(
      depth,
      `chain ${chain}${from}: tried ${tried.length === 0 ? 'nothing' : tried.map(triedWords).join(', ')}`,
    );
    for (const miss of near_misses) this.line(depth + 1, missWords(miss));
    const left = missed - near_misses.length;
    if (left > 0) this.line(depth + 1, `${left} more ${left === 1 ? 'rule does' : 'rules do'} not match`);
    if (match) {
      const { pref, handle, protocol, keys } = match;
      this.line(
        depth + 1,
        `match: pref ${pref} handle 0x${handle.toString(16)} protocol ${protocol} flower${keys === '' ? '' : ` ${keys}`}`,
      );
    } else this.line(depth + 1, 'no rule matches');
    if (!agrees) this.line(depth + 1, 'THE RULES SAY OTHERWISE: this is a mistake of vtep, please report it');
  }

  private action({ order, action, changes, bytes, metadata, steps }: ActionReport, depth: number): void {
    this.line(depth, `action ${order}: ${action}`);
    const isTunnel = ({ field }: Change): boolean => /^(enc_|vxlan_opts|metadata)/.test(field);
    for (const { field, before, after } of changes.filter((change) => !isTunnel(change))) {
      this.line(depth + 1, `${field}: ${before ?? 'none'} -> ${after ?? 'none'}`);
    }
    if (changes.some(isTunnel)) this.line(depth + 1, `metadata: ${metadata ? wordsOf(metadata) : 'none any more'}`);
    if (bytes !== null && changes.some((change) => !isTunnel(change))) this.dump(depth + 2, bytes);
    this.steps(steps, depth + 1);
  }

  private verdict({ verdict, chain }: VerdictReport, depth: number): void {
    const where = chain === null ? '' : ` ${chain}`;
    this.line(depth, `verdict ${verdict}: ${VERDICTS[verdict] ?? verdict}${where}`);
  }

  private reason({ device, reason, sentence }: ReasonReport, depth: number): void {
    this.line(depth, `counted as ${reason} of ${device}: ${sentence}`);
  }

  private output({ sentence, bytes }: OutputReport): void {
    this.line(0, `end: ${sentence}`);
    this.dump(1, bytes);
  }

  /** What does not fit goes on in the next line, further in. */
  private line(depth: number, text: string): void {
    const lead = ' '.repeat(depth * INDENT);
    const hanging = ' '.repeat((depth + 2) * INDENT);
    let line = lead;
    let isEmpty = true;
    for (const word of text.split(' ')) {
      if (!isEmpty && line.length + 1 + word.length > this.width) {
        this.text += `${line}\n`.replaceAll(TOGETHER, ' ');
        line = hanging;
        isEmpty = true;
      }
      line += isEmpty ? word : ` ${word}`;
      isEmpty = false;
    }
    this.text += `${line}\n`.replaceAll(TOGETHER, ' ');
  }

  private dump(depth: number, hex: string): void {
    if (!this.isHex) return;
    for (let at = 0; at < hex.length; at += DUMP_BYTES * 2) {
      const bytes = hex.slice(at, at + DUMP_BYTES * 2).replace(/..(?=.)/g, '$& ');
      this.line(depth, `${(at / 2).toString(16).padStart(4, '0')}: ${bytes}`);
    }
  }
}

function wordsOf(words: PacketWords): string {
  return Object.entries(words)
    .map(([name, value]) => `${name}${TOGETHER}${value}`)
    .join(' ');
}

function triedWords({ pref, masks, rules }: LookupReport['tried'][number]): string {
  return `pref ${pref} (${masks} ${masks === 1 ? 'mask' : 'masks'}, ${rules} ${rules === 1 ? 'rule' : 'rules'})`;
}

function missWords({ pref, handle, differs, sentence }: MissReport): string {
  const more = differs.length - 1;
  const others = more === 0 ? '' : `; and ${more} more ${more === 1 ? 'field differs' : 'fields differ'}`;
  return `pref ${pref} handle 0x${handle.toString(16)}: ${sentence}${others}`;
}
