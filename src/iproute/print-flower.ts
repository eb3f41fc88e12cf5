/** The keys of flower, as flower_print_opt of iproute2 prints them. */
import type { FlowerKey } from './commands.js';
import { flowerKey, inPrintOrder } from './flower-keys.js';
import { flowerValues } from './flower-values.js';
import type { Printer } from './printer.js';

/** The kernel does not report a key whose mask is all zeros. A name has no mask. */
function isReported(key: FlowerKey): boolean {
  return key.name === 'indev' || key.mask.some((byte) => byte !== 0);
}

function printKey(printer: Printer, key: FlowerKey): void {
  const row = flowerKey(key.name);
  if (row === undefined || !isReported(key)) {
    return;
  }
  const formatted = flowerValues[row.kind].format(key);
  if (formatted.type === 'string') {
    printer.field(key.name, formatted.text, `\n  ${key.name} ${formatted.text}`);
    return;
  }
  const { value, mask } = formatted;
  printer.field(key.name, value, `\n  ${key.name} ${value}`);
  if (mask !== undefined) {
    printer.text(`/0x${mask.toString(16)}`);
    printer.json(`${key.name}_mask`, mask.toString(16));
  }
}

/** Every line begins with its newline. */
export function printFlowerKeys(printer: Printer, keys: readonly FlowerKey[]): void {
  const ordered = inPrintOrder(keys);
  for (const key of ordered.filter(({ name }) => name === 'indev')) {
    printKey(printer, key);
  }
  printer.beginObject('keys');
  for (const key of ordered.filter(({ name }) => name !== 'indev')) {
    printKey(printer, key);
  }
  printer.endObject();
}
