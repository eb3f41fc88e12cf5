/** What went wrong, for programs: `code` says which kind it is, and stays the same from release to release. */
export type VtepErrorCode =
  /** A line was refused; the message is what ip, tc or bridge would have printed. Nothing of its batch is in force. */
  | 'refused'
  /** The endpoint could not begin. */
  | 'start'
  /** The endpoint is closed. */
  | 'closed'
  /** No device of that name, or none of this process. */
  | 'no-device'
  /** A name that is taken, or cannot be one; a value out of its range. */
  | 'invalid'
  /** What needs functions of this thread was asked of an endpoint whose datapath has threads of its own. */
  | 'workers'
  /** The datapath has died of an error. */
  | 'failed';

export class VtepError extends Error {
  override readonly name = 'VtepError';
  readonly code: VtepErrorCode;
  /** Of 'refused': the exit code that the tool would have ended with. */
  readonly exitCode: number | undefined;
  /** Of 'refused': the line as it was given (of an edit: as it would be written), and its place among the lines, from 1 on. */
  readonly line: string | undefined;
  readonly lineNumber: number | undefined;
  /** Of an edit: which property was refused, as `actions[1].set.dst_ip`, where one can be named. */
  readonly property: string | undefined;
  /** Of `endpoint.edit`: which of its edits was refused, from 1 on. */
  readonly edit: number | undefined;

  constructor(
    code: VtepErrorCode,
    message: string,
    more: {
      readonly exitCode?: number;
      readonly line?: string;
      readonly lineNumber?: number;
      readonly property?: string;
      readonly edit?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.exitCode = more.exitCode;
    this.line = more.line;
    this.lineNumber = more.lineNumber;
    this.property = more.property || undefined;
    this.edit = more.edit;
  }
}
