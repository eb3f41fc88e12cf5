// The package as its users get it: packed, installed into an empty project, imported and compiled against.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { root } from '../docs/markdown.js';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'vtep-package-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const PLAIN = `import { Endpoint, VtepError } from 'vtep';
const endpoint = await Endpoint.open({ batch: 'ip link add tap0 type tap\\nip link set tap0 up' });
const [{ name, up }] = await endpoint.links();
const code = await endpoint.batch('ip link add tap0 type tap').catch((error) => error instanceof VtepError && error.code);
const rule = await endpoint.addFilter({ dev: 'tap0', protocol: 'ip', match: { ip_proto: 'tcp', dst_port: 80 }, actions: ['drop'] });
const { packets } = await rule.stats();
await endpoint.close();
console.log(name, up, code, rule.handle, packets);
`;

const STRICT = `import { type ActionBatch, type DropReason, Endpoint, type EndpointEvent, type FilterHandle, type FilterKeyValue, Holding, VtepError, type VtepErrorCode } from 'vtep';

export async function main(): Promise<number> {
  await using endpoint = await Endpoint.open({ devices: 'process', checked: true, underlay: async (packets) => void packets.length, log: (line: string) => console.log(line) });
  const [filter] = await endpoint.filters('dev0', 'ingress');
  const vni: FilterKeyValue | undefined = filter?.keys.enc_key_id;
  if (typeof vni === 'object') console.log(vni.start);
  const reason: DropReason = endpoint.reason('unwanted', 'nobody wants it');
  endpoint.action('count', (batch: ActionBatch) => {
    for (let i = 0; i < batch.count; i++) {
      const vni: number = batch.vni(i);
      const bytes: Uint8Array | undefined = batch.writable(i);
      if (vni < 0 || bytes === undefined) batch.drop(i, reason);
    }
  });
  const device = await endpoint.device('dev0', { transmit: (batch, self) => void self.sendAll([batch.copy(0)]) });
  const holding = new Holding(device, { most: 10, full: reason });
  holding.hold(new Uint8Array(60), 5);
  const rule: FilterHandle = await endpoint.edit((edit) => {
    edit.addLink({ kind: 'vxlan', name: 'vxlan0', external: true });
    // @ts-expect-error a port needs an ip_proto that has ports
    edit.addFilter({ dev: 'vxlan0', protocol: 'ip', match: { dst_port: 80 } });
    return edit.addFilter({ dev: 'vxlan0', match: { enc_key_id: 4 }, actions: [{ kind: 'tunnel_key', unset: true }, 'drop'] });
  });
  console.log((await rule.stats()).packets);
  for await (const event of endpoint.events('dropped', 'link', 'error')) {
    const told: EndpointEvent = event;
    if (told.type === 'dropped') return told.count;
    if (told.type === 'error') console.log(told.source);
  }
  // @ts-expect-error there is no such option
  await Endpoint.open({ device: 'host' });
  // @ts-expect-error frames are bytes
  device.send('frame');
  // @ts-expect-error an endpoint is opened, not constructed
  new Endpoint();
  try {
    await endpoint.batch(['ip link add x type tap']);
  } catch (error) {
    const code: VtepErrorCode | undefined = error instanceof VtepError ? error.code : undefined;
    console.log(code);
  }
  return 0;
}
`;

test('the packed package installs into an empty project, runs there, and its types are strict TypeScript', async (t) => {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename } = { filename: '' }] = JSON.parse(stdout) as { filename: string }[];
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  // What takes compiling is optional, and left out here.
  await run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=optional', join(folder, filename)],
    { cwd: project },
  );
  t.true(readdirSync(join(project, 'node_modules')).includes('vtep'));
  writeFileSync(join(project, 'plain.js'), PLAIN);
  t.is((await run(process.execPath, ['plain.js'], { cwd: project })).stdout, 'tap0 true refused 1 0\n');

  const bin = await run('npx', ['--no-install', 'vtep', '--version'], { cwd: project });
  t.regex(bin.stdout, /^\d+\.\d+\.\d+\n$/);
  // What is not the library is nobody's to import.
  await t.throwsAsync(run(process.execPath, ['-e', "import('vtep/dist/src/library/endpoint.js')"], { cwd: project }), {
    message: /ERR_PACKAGE_PATH_NOT_EXPORTED/,
  });
  // CommonJS may require it where Node.js can require ES modules, as docs/library.md says.
  if ((process.features as { readonly require_module?: boolean }).require_module === true) {
    writeFileSync(join(project, 'plain.cjs'), "console.log(typeof require('vtep').Endpoint.open);");
    t.is((await run(process.execPath, ['plain.cjs'], { cwd: project })).stdout, 'function\n');
  }

  // The compiler and the types of Node.js are this checkout's.
  for (const name of ['@types/node', 'undici-types'])
    cpSync(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
  writeFileSync(join(project, 'strict.ts'), STRICT);
  // Examples are JavaScript, read by the compiler as if each began with @ts-check.
  const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.js'));
  t.true(examples.length >= 4);
  for (const name of examples) cpSync(join(root, 'examples', name), join(project, name));
  const resolutions = [
    ['nodenext', 'nodenext'],
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ] as const;
  for (const [module, moduleResolution] of resolutions) {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['strict.ts'] }));
    const compiled = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]).catch(
      (error: { stdout: string }) => error,
    );
    t.is(compiled.stdout, '', `${module} and ${moduleResolution}`);
  }
  const ofExamples = {
    ...{ target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'], noEmit: true },
    ...{ allowJs: true, checkJs: true, strict: true, noImplicitAny: false },
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: ofExamples, files: examples }));
  const checked = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]).catch(
    (error: { stdout: string }) => error,
  );
  t.is(checked.stdout, '', 'examples');
});
