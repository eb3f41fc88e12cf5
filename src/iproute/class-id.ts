/** Handles of qdiscs and classes: 16 bits of major, 16 of minor, written in hexadecimal (`ffff:fff2`). */

const ROOT = 0xffffffff;

/** Minor numbers from the first to the last stand for traffic classes of hardware (TC_H_MIN_PRIORITY). */
export const FIRST_HW_TC = 0xffe0;
export const LAST_HW_TC = 0xffef;

/** iproute2's get_tc_classid: `root`, `none`, MAJOR:MINOR with either part left out, or a bare number. */
export function parseClassId(text: string): number | undefined {
  if (text === 'root') {
    return ROOT;
  }
  if (text === 'none') {
    return 0;
  }
  const match = /^(?:0[xX])?([0-9a-fA-F]*)(:(?:0[xX])?([0-9a-fA-F]*))?$/.exec(text);
  if (match === null || text === '') {
    return undefined;
  }
  const [, major = '', colon, minor = ''] = match;
  const high = Number.parseInt(major || '0', 16);
  if (colon === undefined) {
    return high <= ROOT ? high : undefined;
  }
  const low = Number.parseInt(minor || '0', 16);
  return high <= 0xffff && low <= 0xffff ? high * 0x10000 + low : undefined;
}

/** iproute2's get_qdisc_handle: `none`, or MAJOR with or without its colon. */
export function isQdiscHandle(text: string): boolean {
  return text === 'none' || /^(?:0[xX])?0*[0-9a-fA-F]{1,4}(?::.*)?$/.test(text);
}

export function formatClassId(id: number): string {
  if (id === ROOT) {
    return 'root';
  }
  if (id === 0) {
    return 'none';
  }
  const major = Math.floor(id / 0x10000);
  const minor = id & 0xffff;
  return `${major === 0 ? '' : major.toString(16)}:${minor === 0 ? '' : minor.toString(16)}`;
}
