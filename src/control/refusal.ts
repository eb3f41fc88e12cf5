import { CommandError } from '../iproute/commands.js';

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

export function noSuchDevice(name: string): CommandError {
  return new CommandError(`Cannot find device "${name}"`, 1);
}

/** What `bridge fdb` prints for a kernel's plain errno: exit 255. */
export function fdbAnswers(text: string): CommandError {
  return new CommandError(`RTNETLINK answers: ${text}`, 255);
}

/** What `bridge` prints for a kernel's sentence: exit 255. */
export function fdbRefused(sentence: string, exitCode = 255): CommandError {
  return new CommandError(`Error: ${sentence}.`, exitCode);
}

/** What tc prints for the target of a mirred. */
export function noSuchTarget(name: string): CommandError {
  return new CommandError(
    `Cannot find device "${name}"\nbad action parsing\nparse_action: bad value (0:mirred)!\nIllegal "action"`,
    1,
  );
}
