/**
 * Whether the kernel would take it for the name of an interface (dev_valid_name: 1 to 15 bytes, neither `.` nor
 * `..`, no slash, colon or white space).
 */
export function isDeviceName(name: string): boolean {
  const length = Buffer.byteLength(name);
  return length >= 1 && length <= 15 && name !== '.' && name !== '..' && !/[/:\s\0]/.test(name);
}
