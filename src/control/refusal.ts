import { CommandError } from '../iproute/commands.js';
import { badAction } from '../iproute/parse-actions.js';
import { errnoText, SystemError } from '../native/errno.js';

/** What `ip` prints for a kernel's plain errno: exit 2. */
export function rtnetlinkAnswers(text: string): CommandError {
  return new CommandError(`RTNETLINK answers: ${text}`, 2);
}

/** What `ip` and `tc qdisc` print for a kernel's sentence: exit 2. */
export function refused(sentence: string): CommandError {
  return new CommandError(`Error: ${sentence}.`, 2);
}

const TALKING = 'We have an error talking to the kernel';

/** What `tc filter` prints for a kernel's sentence: exit 2, and tc's own line behind it. */
export function filterRefused(sentence: string): CommandError {
  return new CommandError(`Error: ${sentence}.\n${TALKING}`, 2);
}

/** What `tc filter` prints for a kernel's plain errno. */
export function filterAnswers(text: string): CommandError {
  return new CommandError(`RTNETLINK answers: ${text}\n${TALKING}`, 2);
}

/** What `tc actions` prints for a kernel's sentence: exit 255. */
export function actionRefused(sentence: string): CommandError {
  return new CommandError(`Error: ${sentence}.\n${TALKING}`, 255);
}

/** What `tc actions` prints for a kernel's plain errno. */
export function actionAnswers(text: string): CommandError {
  return new CommandError(`RTNETLINK answers: ${text}\n${TALKING}`, 255);
}

/** What `tc actions get` and `del` print for a kernel's sentence: tc stumbles over its own words then. */
export function selectionRefused(sentence: string): CommandError {
  const { message, exitCode } = actionRefused(sentence);
  return new CommandError(`${message}\nCommand "action" is unknown, try "tc actions help".`, exitCode);
}

/** `exit`: 255 for one that an option of a link names (nodev() of a parser that ends at once). */
export function noSuchDevice(name: string, exit = 1): CommandError {
  return new CommandError(`Cannot find device "${name}"`, exit);
}

/** What `bridge fdb` prints for a kernel's plain errno: exit 255. */
export function fdbAnswers(text: string): CommandError {
  return new CommandError(`RTNETLINK answers: ${text}`, 255);
}

/** What `bridge` prints for a kernel's sentence: exit 255. */
export function fdbRefused(sentence: string, exitCode = 255): CommandError {
  return new CommandError(`Error: ${sentence}.`, exitCode);
}

/** What `ip tuntap add` says of a name that there is: the TUN driver answers it, not rtnetlink. */
export async function asTunDriver(adding: Promise<void>): Promise<void> {
  try {
    await adding;
  } catch (error) {
    const isTaken =
      error instanceof CommandError && /^RTNETLINK answers: (File exists|Device or resource busy)$/.test(error.message);
    throw isTaken ? new CommandError('ioctl(TUNSETIFF): Device or resource busy', 1) : error;
  }
}

/** What tc prints for the target of a mirred, of whose action there were `left` words. */
export function noSuchTarget(name: string, left = 0): CommandError {
  return new CommandError(`Cannot find device "${name}"\n${badAction(left, 'mirred')}`, 1);
}

/** mirred to the ingress of what is not vtep's. */
export function noIngressOfHosts(name: string): CommandError {
  return new CommandError(
    `vtep: mirred ingress to "${name}", which is the host's, not a device of vtep: only "mirred egress" sends there`,
    2,
  );
}

/** What the kernel refuses, as `ip` says it; any other error as it is. */
export function answerOf(error: unknown): unknown {
  const isKernels = error instanceof SystemError && error.syscall === 'RTNETLINK';
  return isKernels ? rtnetlinkAnswers(errnoText(error.errno)) : error;
}
