/** The keys of flower, as flower_print_opt of iproute2 prints them. */
import type { FlowerKey } from './commands.js';
import { flowerKey, inPrintOrder } from './flower-keys.js';
import { wordOf } from './flower-value.js';
import { flowerValues } from './flower-values.js';
import type { Printer } from './printer.js';

/** The kernel does not report a key whose mask is all zeros, but for vxlan_opts. A name has no mask. */
function isReported(key: FlowerKey): boolean {
  return key.name === 'indev' || key.name === 'vxlan_opts' || key.mask.some((byte) => byte !== 0);
}

/** One of the two halves that JSON has of vxlan_opts. */
function printPolicy(printer: Printer, name: string, gbp: number): void {
  printer.beginArray(name);
  printer.beginObject();
  printer.json('gbp', gbp);
  printer.endObject();
  printer.endArray();
}

function printKey(printer: Printer, key: FlowerKey): void {
  const row = flowerKey(key.name);
  if (row === undefined || !isReported(key)) {
    return;
  }
  const name = row.printed ?? row.name;
  const formatted = flowerValues[row.kind].format(key);
  const text = `\n  ${name} ${wordOf(formatted)}`;
  switch (formatted.type) {
    case 'string':
      printer.field(name, formatted.text, text);
      return;
    case 'number':
      printer.field(name, formatted.value, text);
      if (formatted.mask !== undefined) printer.json(`${name}_mask`, formatted.mask.toString(16));
      return;
    case 'range':
      printer.text(text);
      printer.beginObject(name);
      printer.json('start', formatted.start);
      printer.json('end', formatted.end);
      printer.endObject();
      return;
    case 'flags':
      printer.text(text);
      printer.beginObject(name);
      for (const [flag, isSet] of formatted.flags) printer.json(flag, isSet);
      printer.endObject();
      return;
    case 'gbp':
      printer.text(text);
      printPolicy(printer, 'vxlan_opt_key', formatted.value);
      printPolicy(printer, 'vxlan_opt_mask', formatted.mask);
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
