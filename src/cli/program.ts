import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { helpText } from '../iproute/help.js';
import { suggest } from '../iproute/suggest.js';
import { wrap } from '../observe/text-table.js';
import type { CaptureOptions } from './capture.js';
import type { DropsOptions } from './drops.js';
import { columnsOf, foldGrammar, type Item, itemLines, itemList } from './help-layout.js';
import { interval } from './interval-option.js';
import type { LintWords } from './lint.js';
import { metricsAddress } from './metrics-option.js';
import { refuseInOneStyle } from './refusals.js';
import type { ReplayWords } from './replay.js';
import { anotherPeer, keptCapabilities } from './rights-options.js';
import type { RunOptions } from './run.js';
import { classifier, descriptor } from './run-options.js';
import type { TestWords } from './test.js';
import type { TopOptions } from './top.js';
import type { TraceWords } from './trace.js';
import { busyPoll, cpuList, workers } from './worker-options.js';

interface ControlWord {
  control?: string;
}

interface BatchWords extends ControlWord {
  batch?: string;
  force?: boolean;
  atomic?: boolean;
  dryRun?: boolean;
}

/**
 * vtep's own verbs; what follows ip, tc and bridge is iproute2's grammar and goes to the daemon as it stands. What a verb
 * needs is loaded with it: each module costs about half a millisecond, and most of a command's time is that.
 */
export function program(): Command {
  const vtep = new Command('vtep')
    .description('A VXLAN tunnel endpoint in userspace that speaks ip, tc and bridge')
    .version(version(), '-V, --version')
    .enablePositionalOptions()
    .helpCommand(false)
    .configureHelp({
      formatItem: (term, termWidth, meaning, { helpWidth = 80 }) =>
        itemLines([term, meaning], termWidth, helpWidth).join('\n'),
      minWidthToWrap: 16,
    })
    .configureOutput({
      getOutHelpWidth: () => columnsOf(process.stdout) ?? 80,
      getErrHelpWidth: () => columnsOf(process.stderr) ?? 80,
    })
    .option('-b, --batch <file>', 'carry out a file of ip, tc and bridge lines; - reads standard input')
    .option('-f, --force', 'with --batch: go on behind a line that fails')
    .addOption(new Option('--atomic', 'with --batch: all of it or nothing').conflicts('force'))
    .addOption(new Option('--dry-run', 'with --batch: only print what --atomic would change').conflicts('force'))
    .option(
      '--control <path>',
      'control socket to speak to (default: $VTEP_CONTROL, or the one of this network namespace)',
    )
    .argument('[command]')
    .usage('[options] [command]')
    .action(async (word: string | undefined, { batch, force = false, control, ...how }: BatchWords) => {
      if (word !== undefined) {
        const known = vtep.commands.map((each) => each.name());
        vtep.error(`unknown command "${word}"${suggest(word, known)}`);
      }
      if (batch === undefined) vtep.help({ error: true });
      else await (await import('./pass.js')).passBatch(batch, null, { options: [], force, control, ...how });
    });
  /** Named before the verb, or behind it. */
  const controlOf = (own?: ControlWord): string | undefined => own?.control ?? vtep.opts<ControlWord>().control;
  vtep
    .command('run')
    .description('run an endpoint in this network namespace until SIGINT or SIGTERM; SIGHUP: read the file again')
    .option('-b, --batch <file>', 'ip, tc and bridge lines to set it up with; - reads standard input')
    .option('--control <path>', 'control socket (default: one per network namespace)')
    .option('--ready-fd <fd>', 'write READY=1 to this descriptor when everything is in place', descriptor)
    .option('--no-coalesce', 'do not merge frames before they are written to a TAP')
    .option(
      '--classifier <kind>',
      'tuple-space, or linear (slow; what the other is tested against)',
      classifier,
      'tuple-space',
    )
    .option('--workers <n>', 'threads that share the traffic by flow, each with its own queues and sockets', workers, 1)
    .option('--cpus <list>', 'processors to pin the workers to, one each, as in 0,2-3 (default: none)', cpuList)
    .option(
      '--busy-poll <us>',
      'microseconds that a worker behind its last frame looks for the next before it sleeps',
      busyPoll,
      0,
    )
    .addOption(tunOption())
    .option('--user <name[:group]>', 'become this user when everything is in place, and give up every right')
    .addOption(
      new Option(
        '--keep-caps <list>',
        'capabilities that --user leaves: net_admin, net_raw, net_bind_service',
      ).argParser(keptCapabilities),
    )
    .option('--control-group <name>', 'let members of this group give commands too')
    .option('--strict-peers', 'take datagrams only from peers that filters, remotes or the forwarding table name')
    .option('--peer <prefix>', 'with --strict-peers: a peer of every device; may be repeated', anotherPeer)
    .option(
      '--state <file>',
      'go on from the counters and learned addresses in this file, and leave them there at the end',
    )
    .option(
      '--metrics <[addr:]port>',
      'serve metrics for Prometheus at /metrics, on loopback unless told otherwise',
      metricsAddress,
    )
    .option('--tunnel-gso', 'have the kernel forward and cut super-frames (Linux 6.17; see docs/performance.md)', false)
    .addHelpText('after', '\nExample:\n  vtep run -b vtep.batch\n')
    .action(async (options: RunOptions) => {
      const control = controlOf(options);
      await (await import('./run.js')).runDaemon({ ...options, ...(control !== undefined && { control }) });
    });
  for (const tool of ['ip', 'tc', 'bridge'] as const) {
    vtep
      .command(tool)
      .description(`${tool} of iproute2, for the devices of the vtep that runs in this network namespace`)
      .argument('[words...]')
      .allowUnknownOption()
      .passThroughOptions()
      .helpOption(false)
      .action(async (words: string[]) => (await import('./pass.js')).passLine(tool, words, controlOf()));
  }
  vtep
    .command('drops')
    .description('frames that ended elsewhere than where they were sent: reason, count, rate and meaning')
    .argument('[words...]', 'REASON, or dev NAME: only these')
    .option('-w, --watch', 'go on, once a second: in a terminal a table in place, else a line for each change')
    .option('--last [n]', 'the last frames of each reason too (3, at most 8)')
    .option(
      '--json',
      'print JSON: a list of {reason, verdict, device, count, rate, sentence}; with -w an object a line',
    )
    .option('--control <path>', 'control socket')
    .action(async (words: string[], options: ControlWord & DropsOptions) =>
      (await import('./drops.js')).drops(words, options, controlOf(options)),
    );
  vtep
    .command('capture')
    .description('capture packets at points of their way, with VNI, outer addresses, rule and drop reason as comments')
    .argument('[words...]', 'dev NAME | vni N | reason REASON | rule dev NAME [chain N] pref N [handle N]: only these')
    .option('-w, --write <file>', 'write pcapng there, - for standard output; without it a line for each packet')
    .option('--at <points>', 'underlay-in, decap, host, out, underlay-out, drop; underlay is both, all is the default')
    .option('-c, --count <n>', 'end behind so many packets')
    .option('-s, --snap <bytes>', 'keep no more of each packet')
    .option('--seconds <n>', 'end after so long')
    .option('--control <path>', 'control socket')
    .addHelpText('after', '\nExample:\n  vtep capture --at decap,drop vni 4 -w - | tshark -r -\n')
    .action(async (words: string[], options: ControlWord & CaptureOptions) =>
      (await import('./capture.js')).capture(words, options, controlOf(options)),
    );
  vtep
    .command('top')
    .description('watch devices, filters, VNIs, peers, drops and workers with their rates; h shows the keys')
    .argument('[view]', 'devices, filters, vnis, peers, drops or workers')
    .option('--once', 'print tables of one interval, as it does where there is no terminal')
    .option('--json', 'print JSON: all that is counted, and the rates')
    .option('--interval <seconds>', 'time between two looks', interval, 1)
    .option('--control <path>', 'control socket')
    .action(async (view: string | undefined, options: ControlWord & TopOptions) => {
      const { top } = await import('./top.js');
      await top(view, options, controlOf(options));
    });
  vtep
    .command('doctor')
    .description('look at this host, its kernel, the underlay and the vtep that runs here, and give advice')
    .argument('[words...]', 'dev NAME: a device of vtep, or an interface below one')
    .option('--json', 'print JSON: {version, verdict, findings: [{section, check, level, sentence, remedy}]}')
    .option('--control <path>', 'control socket')
    .addOption(tunOption())
    .addHelpText('after', exitCodes('0 all is well, 1 there is advice, 2 vtep cannot run here as things are.'))
    .action(async (words: string[], options: ControlWord & { json?: boolean; tun: string }) => {
      const control = controlOf(options);
      const { doctor } = await import('./doctor/doctor.js');
      await doctor(words, { ...options, ...(control !== undefined && { control }) });
    });
  vtep
    .command('lint')
    .description('find rules that never match, lead nowhere or lose frames; without -b of the vtep that runs')
    .option('-b, --batch <file>', 'ip, tc and bridge lines instead of a running vtep; - reads standard input')
    .option(
      '--host <interface>',
      'an interface of the host that rules of the file may send to; may be repeated',
      another,
    )
    .option('--routes', 'with -b: ask this host for the routes that the file does not make, too')
    .option('--json', 'print JSON: a list of {check, level, line, rule, sentence, remedy}')
    .option('--control <path>', 'control socket')
    .addHelpText('after', exitCodes('0 nothing found, 1 something found, 2 it could not look.'))
    .action(async (options: ControlWord & LintWords) => (await import('./lint.js')).lint(options, controlOf(options)));
  vtep
    .command('workers')
    .description('what each worker has done: wake-ups, looks for more, datagrams, frames, look-ups')
    .option('--json', 'print JSON: a list of objects, one a worker')
    .option('--control <path>', 'control socket')
    .action(async (options: ControlWord & { json?: boolean }) => {
      const control = controlOf(options);
      if (options.json) await (await import('./pass-to-daemon.js')).passToDaemon(['workers', '--json'], control);
      else await (await import('./workers.js')).showWorkers(control);
    });
  vtep
    .command('monitor')
    .description('print changes of links, filters, actions and forwarding entries as they happen, until Ctrl-C')
    .argument('[words...]', 'as in: -ts filter fdb')
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText('after', ({ command }) => `\n${foldGrammar(helpText('monitor'), widthOf(command))}\n`)
    .action(async (words: string[]) => (await import('./pass.js')).passMonitor(words, controlOf()));
  vtep
    .command('save')
    .description('print a batch that makes the present devices, actions, chains and filters again')
    .argument('[file]', 'write it there instead, in one step')
    .option('--state', 'what was counted and learned instead, as JSON (vtep run --state reads it)')
    .option('--control <path>', 'control socket')
    .action(async (file: string | undefined, options: ControlWord & { state?: boolean }) =>
      (await import('./save.js')).save(file, options.state === true, controlOf(options)),
    );
  vtep
    .command('reload')
    .description('have the vtep that runs in this network namespace read its batch file again: all of it or nothing')
    .option('--control <path>', 'control socket')
    .action(async (options: ControlWord) =>
      (await import('./pass-to-daemon.js')).passToDaemon(['reload'], controlOf(options)),
    );
  vtep
    .command('replay')
    .description('send a capture through the devices and rules of a batch file; needs no rights and touches no device')
    .argument('<capture>', 'pcap or pcapng: outer packets, as they come from the underlay; - reads standard input')
    .requiredOption('-b, --batch <file>', 'ip, tc and bridge lines; - reads standard input')
    .option('-o, --output <folder>', 'write what comes out there, one pcap a device')
    .option('--dev <device>', 'the packets are frames that the host sends on this device')
    .option('--host <interface...>', 'interfaces of the host that rules may send to')
    .option(
      '--classifier <kind>',
      'tuple-space, or linear (slow; what the other is tested against)',
      classifier,
      'tuple-space',
    )
    .option('--json', 'print JSON')
    .action(async (file: string, words: ReplayWords) => (await import('./replay.js')).replay(file, words));
  vtep
    .command('trace')
    .description(
      "explain a packet's way: filters tried, near misses, actions, where it ends; without -b by the vtep that runs",
    )
    .argument('[words...]', 'dev NAME [egress] KEY VALUE … | [dev NAME] hex BYTES | [dev NAME] pcap FILE [packet N]')
    .option('-b, --batch <file>', 'ip, tc and bridge lines instead of a running vtep; - reads standard input')
    .option('--near <n>', 'how many of the rules that did not match to explain, for each look-up', count, 3)
    .option('--hex', 'print the frames too')
    .option(
      '--host <interface>',
      'an interface of the host that rules of the file may send to; may be repeated',
      another,
    )
    .option(
      '--classifier <kind>',
      'tuple-space, or linear (slow; what the other is tested against)',
      classifier,
      'tuple-space',
    )
    .option('--json', 'print JSON')
    .option('--control <path>', 'control socket')
    .addHelpText('after', ({ command }) => `\n${itemList('Words:', TRACE_WORDS, widthOf(command))}`)
    .action(async (words: string[], options: ControlWord & TraceWords) =>
      (await import('./trace.js')).trace(words, options, controlOf(options)),
    );
  vtep
    .command('test')
    .description('try rules on packets and compare what becomes of them with what is expected; needs no rights')
    .argument('<file...>', 'YAML or JSON: rules, and cases of packets and expectations')
    .option('--tap', 'print TAP, as CI programs read it')
    .option('--junit', "print JUnit's XML")
    .option('--json', 'print JSON: {ok, files: [{file, cases: [{name, line, ok, failures, traces}]}]}')
    .addHelpText('after', exitCodes('0 all cases hold, 1 some do not, 2 a file is wrong.'))
    .action(async (files: string[], words: TestWords) => (await import('./test.js')).test(files, words));
  vtep
    .command('help')
    .description('the commands and their options; the grammar of ip, tc and bridge')
    .argument('[words...]', 'a command, or as in: tc filter; flower; mirred; bridge fdb')
    .action(async (words: string[]) => (await import('./show-help.js')).showHelp(vtep, words));
  refuseInOneStyle(vtep);
  return vtep;
}

function tunOption(): Option {
  return new Option('--tun <path>', 'device node of TUN/TAP').env('VTEP_TUN').default('/dev/net/tun');
}

const TRACE_WORDS: readonly Item[] = [
  ['dev vxlan0 enc_key_id 4 ip_proto tcp dst_port 80', 'a flow that comes out of the tunnel, in the keys of tc flower'],
  ['dev tap0 dst_ip 10.4.0.13', 'a flow that the host sends; on a vxlan device: dev vxlan0 egress …'],
  ['hex 4500…', 'an outer IP packet (dev tap0 hex …: a frame that the host sends)'],
  ['pcap FILE packet 7', 'the seventh packet of a capture'],
];

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** What the exit codes mean, below a command's help. */
function exitCodes(text: string): (context: { readonly command: Command }) => string {
  return ({ command }) => `\n${wrap(`Exit code: ${text}`, widthOf(command)).join('\n')}\n`;
}

/** Characters that the lines of a command's help may have. */
function widthOf(command: Command): number {
  return command.configureHelp().helpWidth ?? command.configureOutput().getOutHelpWidth?.() ?? 80;
}

/** How many of something. */
function count(word: string): number {
  if (!/^\d{1,6}$/.test(word)) throw new InvalidArgumentError('a number from 0 on');
  return Number(word);
}

function another(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}
